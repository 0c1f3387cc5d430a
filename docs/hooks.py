"""Makes the site's pages of the repository's Markdown as it is, the README being the front.

The pages are written for GitHub: their links are relative to where a file stands in the repository. So every file
keeps that path as its source, and only its address is shorter: mkdocs then resolves the links by itself. What is
linked and is no page, such as an example's code, is at GitHub.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
SOURCES = "https://github.com/django-probe/django-probe/blob/main/"
ELSEWHERE = {  # a page that is not in docs/, and its address
    "README.md": "index.html",
    "CHANGELOG.md": "changelog/index.html",
    "CONTRIBUTING.md": "contributing/index.html",
    "SECURITY.md": "security/index.html",
    "helm/django-probe/README.md": "chart-values/index.html",
}
_LINK = re.compile(r"(?<=\]\()(?!#|[a-z]+:)(?P<path>[^)#\s]+)")
_CODE = re.compile(r"`[^`\n]+`")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files with their paths in the repository as sources, and the pages that are not in docs/ with them."""
    site, directories = config.site_dir, config.use_directory_urls
    sources = []
    for file in files:
        if not Path(file.abs_src_path or "").is_relative_to(config.docs_dir):
            sources.append(file)  # of the theme
            continue
        moved = File(f"docs/{file.src_uri}", str(ROOT), site, directories, inclusion=file.inclusion)
        moved.dest_uri = file.dest_uri
        sources.append(moved)
    for source, address in ELSEWHERE.items():
        page = File(source, str(ROOT), site, directories)
        page.dest_uri = address
        sources.append(page)
    return Files(sources)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page as mkdocs reads it; what it links to and is not on the site is at GitHub."""
    del config
    here = posixpath.dirname(page.file.src_uri)

    def at_github(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(here, link["path"]))
        is_elsewhere = not files.get_file_from_path(path) and (ROOT / path).exists()
        return SOURCES + path if is_elsewhere else link["path"]

    lines = _LINK.sub(at_github, markdown).splitlines()
    return "\n".join(_row(line) if line.startswith("|") else line for line in lines)


def _row(line: str) -> str:
    """Return a table's row as Python-Markdown has it, in which a pipe within code is not escaped."""
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), line)
