// Shows how much is chosen, chooses all of a page at once, and shows why a search failed. The forms work without it.
(function () {
  "use strict";

  function boxes(form) {
    return Array.from(form.querySelectorAll("input[name=parts]"));
  }

  function showCount(form) {
    const all = boxes(form);
    const chosen = all.filter((box) => box.checked);
    const hours = chosen.reduce((sum, box) => sum + Number(box.dataset.hours), 0);
    const count = form.querySelector("[data-count]");
    if (count) {
      count.textContent = chosen.length ? chosen.length + " · " + hours.toLocaleString(document.documentElement.lang) + " h" : "";
    }
    const every = form.querySelector("[data-every]");
    if (every) {
      every.closest("label").hidden = false;
      every.checked = all.length > 0 && chosen.length === all.length;
      every.indeterminate = chosen.length > 0 && chosen.length < all.length;
    }
  }

  function showCounts() {
    document.querySelectorAll("form[data-choose]").forEach(showCount);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-choose]");
    if (!form) {
      return;
    }
    if (event.target.matches("[data-every]")) {
      boxes(form).forEach((box) => { box.checked = event.target.checked; });
    }
    showCount(form);
  });
  document.addEventListener("DOMContentLoaded", showCounts);
  // What was refused is read out, and in sight on a telephone, where the form begins far below.
  document.addEventListener("DOMContentLoaded", () => {
    const alert = document.querySelector("main [role=alert]:not([hidden])");
    if (alert) {
      alert.tabIndex = -1;
      alert.focus();
    }
  });
  document.addEventListener("htmx:afterSettle", showCounts);
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
