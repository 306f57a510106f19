"""Render results: terminal text, HTML, Markdown, JUnit, Atom, badges."""
