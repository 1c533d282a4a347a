"""Write the reference of the configuration: ``make reference``."""

import json
from pathlib import Path

from premem.config.reference import json_schema, page

ROOT = Path(__file__).parents[2]


def main() -> None:
    (ROOT / "config" / "schema.json").write_text(
        json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (ROOT / "docs" / "configuration.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
