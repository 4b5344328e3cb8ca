# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Hooks of the documentation site (mkdocs.yml): pages for files outside docs/.

README.md is the home page. The README and the pages of docs/ link to any file or folder of the
repository, as on GitHub. The site has a page below `repository/` for each of them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
START = ("README.md", "CONTRIBUTING.md", "CHANGELOG.rst", "examples/README.md")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".xml": "xml"}
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file and folder that a page links to."""
    pages = [ROOT / name for name in START] + sorted((ROOT / "docs").glob("*.md"))
    known = set(pages)
    for path in pages:  # grows while it is read
        text = _markdown(path)
        found = {_target(path, link) for link in LINK.findall(text)} - known
        pages += sorted(found)
        known |= found
        if not path.is_relative_to(ROOT / "docs"):
            uri = _uri(path)
            files.append(File.generated(config, uri, content=_with_site_links(path, text)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links of a page of docs/ to files outside it to their pages."""
    if page.file.generated_by:
        return markdown
    return _with_site_links(ROOT / "docs" / page.file.src_uri, markdown)


def _markdown(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        return f"# `{name}`\n\n" + "\n".join(
            f"- [`{each.name}`]({each.name})"
            for each in sorted(path.iterdir())
            if each.is_file() and not each.name.startswith(".")
        )
    if path.suffix not in (".md", ".rst", *LANGUAGES, ""):
        return ""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    if path.suffix == ".rst":  # the changelog: all but its title is Markdown too
        return re.sub(r"\^+\n(.*)\n\^+\n", r"# \1\n", text)
    return (
        f"---\nhide: [toc]\nsearch:\n  exclude: true\n---\n# `{name}`\n\n"
        f"````{LANGUAGES.get(path.suffix, 'text')}\n{text}\n````\n"
    )


def _target(page: Path, link: str) -> Path:
    path = Path(os.path.normpath((page if page.is_dir() else page.parent) / link))
    return path / "README.md" if (path / "README.md").is_file() else path


def _uri(path: Path) -> str:
    if path.is_relative_to(ROOT / "docs"):
        return path.relative_to(ROOT / "docs").as_posix()
    name = path.relative_to(ROOT).as_posix()
    if name == "README.md":
        return "index.md"
    if path.is_dir():
        return f"repository/{name}/index.md"
    return f"repository/{name}" if path.suffix == ".md" else f"repository/{name}.md"


def _with_site_links(path: Path, text: str) -> str:
    here = Path(_uri(path)).parent
    return LINK.sub(lambda match: "](" + os.path.relpath(_uri(_target(path, match[1])), here), text)
