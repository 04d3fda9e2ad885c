// Keeps and shows what is chosen, chooses all of a page at once, and shows why a search failed. The forms work without it.
(function () {
  "use strict";

  function boxes(form) {
    return Array.from(form.querySelectorAll("input[type=checkbox][name=parts]"));
  }

  // What is chosen for a teacher and a year, on whatever page or filter, and the remarks: until it is sent.
  const TEXTS = ["load", "note", "teacher_note", "role", "starts_on", "ends_on"];

  // The hours and the group of a part have its value in their names. There is no group where the course has one alone.
  function fieldsOf(form, value) {
    return ["hours", "group"].map((name) => form.elements[name + ":" + value]).filter(Boolean);
  }

  function storageKey(form) {
    return "shares " + form.elements.academic_year.value + " " + form.elements.teacher.value;
  }

  function read(form) {
    return JSON.parse(sessionStorage.getItem(storageKey(form)) || '{"parts": {}, "texts": {}}');
  }

  function remember(form) {
    const kept = read(form);
    boxes(form).forEach((box) => {
      if (box.checked) {
        kept.parts[box.value] = fieldsOf(form, box.value).map((field) => [field.name, field.value]);
      } else {
        delete kept.parts[box.value];
      }
    });
    TEXTS.forEach((name) => { kept.texts[name] = form.elements[name].value; });
    sessionStorage.setItem(storageKey(form), JSON.stringify(kept));
    showChoice(form, kept);
  }

  // "again" is said of a page that Back shows as it was left: what was chosen since on other pages counts then.
  function restore(form, again) {
    const kept = read(form);
    // What the server kept of other pages: it was refused, or sent after the session had ended.
    form.querySelectorAll("[data-kept=sent] [name=parts]").forEach((field) => {
      kept.parts[field.value] = fieldsOf(form, field.value).map((one) => [one.name, one.value]);
    });
    form.querySelector("[data-kept]").dataset.kept = "";
    // Or the browser would tick again, at Back, what is no longer chosen.
    form.autocomplete = "off";
    boxes(form).forEach((box) => {
      if (box.value in kept.parts && !form.dataset.sent) {
        kept.parts[box.value].forEach(([name, text]) => { form.elements[name].value = text; });
      }
      box.checked = box.value in kept.parts || (!again && box.checked);
    });
    TEXTS.forEach((name) => {
      const field = form.elements[name];
      if (kept.texts[name] && (field.tagName === "SELECT" ? !form.dataset.sent : !field.value)) {
        field.value = kept.texts[name];
      }
    });
    sessionStorage.setItem(storageKey(form), JSON.stringify(kept));
    remember(form);
  }

  function showChoice(form, kept) {
    const all = boxes(form);
    const here = new Set(all.map((box) => box.value));
    const keys = Object.keys(kept.parts);
    const elsewhere = keys.filter((key) => !here.has(key));
    const pairs = elsewhere.flatMap((key) => [["parts", key], ...kept.parts[key]]);
    form.querySelector("[data-kept]").replaceChildren(...pairs.map(([name, value]) => {
      const field = document.createElement("input");
      Object.assign(field, {type: "hidden", name: name, value: value});
      return field;
    }));
    const hours = keys.reduce((sum, key) => sum + (Number(kept.parts[key][0][1].replace(",", ".")) || 0), 0);
    form.querySelector("[data-count]").textContent =
      keys.length ? keys.length + " · " + hours.toLocaleString(document.documentElement.lang) + " h" : "";
    const note = form.querySelector("[data-elsewhere]");
    note.hidden = !elsewhere.length;
    note.querySelector("span").textContent =
      elsewhere.length === 1 ? note.dataset.one : note.dataset.elsewhere.replace("0", elsewhere.length);
    const chosen = all.filter((box) => box.checked);
    const every = form.querySelector("[data-every]");
    every.closest("label").hidden = false;
    every.checked = all.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
  }

  function showCounts(again) {
    document.querySelectorAll("form[data-choose]").forEach((form) => restore(form, again));
  }

  // Not "change": Back by the keyboard leaves a field in which somebody types.
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-choose]");
    if (!form) {
      return;
    }
    if (event.target.matches("[data-every]")) {
      boxes(form).forEach((box) => { box.checked = event.target.checked; });
    }
    const row = event.target.closest(".amount");
    if (row) {
      row.closest("li").querySelector("[name=parts]").checked = true;
    }
    remember(form);
  });
  document.addEventListener("click", (event) => {
    const form = event.target.matches("[data-none]") && event.target.closest("form[data-choose]");
    if (form) {
      sessionStorage.removeItem(storageKey(form));
      boxes(form).forEach((box) => { box.checked = false; });
      remember(form);
    }
  });
  // What is sent is no longer chosen. The answer has what was refused of it.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-choose], form[data-confirm]")) {
      return;
    }
    const kept = read(form);
    new FormData(form).getAll("parts").forEach((key) => { delete kept.parts[key]; });
    if (Object.keys(kept.parts).length) {
      sessionStorage.setItem(storageKey(form), JSON.stringify(kept));
    } else {
      sessionStorage.removeItem(storageKey(form));
    }
  });
  document.addEventListener("DOMContentLoaded", () => showCounts(false));
  // What is refused is read out, and in sight on a telephone, where the form begins far below.
  document.addEventListener("DOMContentLoaded", () => {
    const alert = document.querySelector("main [role=alert]:not([hidden])");
    const field = document.querySelector("main [aria-invalid=true]");
    if (alert) {
      alert.tabIndex = -1;
      alert.focus();
    } else if (field) {
      field.focus();
    }
  });
  // How much a search found is read out: the list itself is replaced, and would be silent or read as a whole.
  document.addEventListener("htmx:afterSettle", (event) => {
    const found = event.target.querySelector("[data-announce]");
    if (found) {
      document.getElementById("announced").textContent = found.dataset.announce;
    }
  });
  document.addEventListener("htmx:afterSettle", () => showCounts(false));
  document.addEventListener("htmx:historyRestore", () => showCounts(true));
  window.addEventListener("pageshow", (event) => { if (event.persisted) { showCounts(true); } });
  // htmx leaves the page as it is at an error: show the server's reason where the list would be, if it gave one.
  function showError(event) {
    const place = event.detail.target.querySelector("[data-error]");
    const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const reason = answer.querySelector("[data-reason]");
    place.replaceChildren(...(reason ? reason.children : [place.dataset.error]));
    place.hidden = false;
  }
  document.addEventListener("htmx:responseError", showError);
  document.addEventListener("htmx:sendError", showError);
  // What takes some seconds says so, and is not sent twice.
  document.addEventListener("submit", (event) => {
    const button = event.target.matches("form[data-busy]") && event.target.querySelector("button");
    if (button) {
      button.textContent = event.target.dataset.busy;
      button.setAttribute("aria-busy", "true");
      setTimeout(() => { button.disabled = true; });
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) {
      window.print();
    }
  });
})();
