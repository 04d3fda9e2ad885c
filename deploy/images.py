"""Pin the official images to the present digests of their tags: make pins.

    python -m deploy.images [REGISTRY]

Writes the digest of each tag into docker-compose.yml and the Dockerfile. If the registry does not answer, the image
keeps its pin, and the status is 1.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = (ROOT / "docker-compose.yml", ROOT / "Dockerfile")
REGISTRY = "https://registry-1.docker.io"
_IMAGE = re.compile(
    r"^( *image: |FROM )((?:postgres|nginx|python|debian):[\w.-]+)(@sha256:[0-9a-f]{64})?", re.MULTILINE
)
_KINDS = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def images(path: Path) -> list[str]:
    """Return the tags that a file names, without their digests."""
    return [found[2] for found in _IMAGE.finditer(path.read_text())]


def pin(path: Path, registry: str) -> list[str]:
    """Write the registry's digests into a file. Return a sentence for each missing one."""
    known: dict[str, str] = {}
    silent = []
    for image in sorted(set(images(path))):
        try:
            known[image] = digest(image, registry)
        except (OSError, ValueError) as error:
            silent.append(f"{image} keeps what it has in {path.name}: {registry} was asked, and {error}.")
    text = path.read_text()
    path.write_text(
        _IMAGE.sub(
            lambda found: f"{found[1]}{found[2]}{f'@{known[found[2]]}' if found[2] in known else found[3] or ''}",
            text,
        )
    )
    return silent


def digest(image: str, registry: str) -> str:
    """Return the digest of a tag for all architectures."""
    name, _, tag = image.partition(":")
    request = urllib.request.Request(f"{registry}/v2/library/{name}/manifests/{tag}", method="HEAD")  # noqa: S310 - ours
    request.add_header("Accept", _KINDS)
    try:
        answer = urllib.request.urlopen(request, timeout=20)  # noqa: S310 - the same
    except urllib.error.HTTPError as error:
        # Docker's own registry lends everybody a token, and says where.
        where = dict(re.findall(r'(\w+)="([^"]*)"', error.headers.get("WWW-Authenticate", "")))
        if error.code != 401 or "realm" not in where:
            raise
        asked = f"{where['realm']}?service={where.get('service', '')}&scope=repository:library/{name}:pull"
        with urllib.request.urlopen(asked, timeout=20) as lent:  # noqa: S310 - the same
            request.add_header("Authorization", f"Bearer {json.load(lent)['token']}")
        answer = urllib.request.urlopen(request, timeout=20)  # noqa: S310 - the same
    with answer:
        found = str(answer.headers.get("Docker-Content-Digest", ""))
    if not _DIGEST.fullmatch(found):
        raise ValueError("sent no digest")
    return found


def main(registry: str = REGISTRY) -> int:
    """Pin every file, and print failures."""
    silent = [line for path in FILES for line in pin(path, registry)]
    sys.stdout.write("".join(f"{line}\n" for line in silent or ["Every image is pinned to its digest of today."]))
    return bool(silent)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
