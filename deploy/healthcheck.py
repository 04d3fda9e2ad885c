"""Check that the web server of this container answers. The exit status is 0, or 1 with the reason.

Not /healthz: a container need not be replaced because its database is away.
"""

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask /livez on this machine."""
    address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/livez"
    # A proxy in the environment is none of this machine's business.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=4) as answer:
            answer_text, status = answer.read(), 0
    except urllib.error.HTTPError as error:
        answer_text, status = error.read(), 1
    except OSError as error:
        answer_text, status = str(error).encode(), 1
    sys.stdout.write(f"{answer_text.decode(errors='replace')}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
