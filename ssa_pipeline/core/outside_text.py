"""What comes from outside stays text: names, file names and messages on their way to people and programs.

A catalogue is written by strangers. An object's name may be Markdown that makes the operator's browser send a request,
a formula that a spreadsheet executes, or a sequence that rewrites the lines of a terminal. One function per medium;
each makes control, direction and other invisible characters visible (``\\x1b``, ``\\u202e``) and then quotes what the
medium would act upon. ``unit/core/test_outside_text.py`` follows such a name to every place where text leaves.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

# Unicode's categories Cc (C0, C1), Cf (bidirectional, zero width), Cs (halves of pairs), Zl and Zp (line ends).
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
# What a spreadsheet takes for a formula at the beginning of a cell; the wide ones count as such in East Asian versions.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_PLAIN = re.compile(r"[^\W_](?:[\w ./,:;()+-]*[\w)])?")
# an address that becomes a link by itself, a numbered list, emphasis by underscores
_MEANT = re.compile(r"://|www\.|^\d+[.)] |\b_|_\b|__", re.IGNORECASE)
_CHAT = re.compile(r"[<>&`*~@#\[\]]|://|\b_|_\b")
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def for_terminal(text: str, *, keep: str = "") -> str:
    """For terminals, logs and other plain text of one line; ``keep`` are characters that stay, e.g. line ends."""
    return _INVISIBLE.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def printable(name: str) -> str:
    """For names that are kept and looked up again, of files and members of archives: what is not printable is U+FFFD.
    ``for_terminal`` says more, but what is stored already has this spelling."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)


def for_lines(text: str) -> str:
    """The same for text of several lines: messages, alerts, mails."""
    return for_terminal(text, keep="\n")


def for_markdown(text: str) -> str:
    """As a code span, in which Markdown has no meaning: no image, link, tag, and no address made a link by itself. A
    bar is escaped, since such text stands in tables."""
    shown = for_terminal(text)
    if not shown or _is_plain(shown):
        return shown
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    # a table reads a backslash before the one that escapes a bar as escaped, and the bar as the end of the cell
    return f"{fence}{pad}{shown}{pad}{fence}".replace("\\|", "\\x5c|").replace("|", "\\|")


def for_chat(text: str) -> str:
    """For the message of a webhook: Slack, Mattermost and their like mark up text, call people by ``<!…>`` or ``@…``,
    and load pictures. In a block of code they do not; ``&``, ``<`` and ``>`` are escaped as Slack demands. Text without
    any of that stays as it is."""
    shown = for_lines(text)
    if not _CHAT.search(shown):
        return shown
    return "```\n" + html.escape(shown, quote=False).replace("```", "'''") + "\n```"


def for_csv(text: str) -> str:
    """A cell of text that no spreadsheet takes for a formula: an apostrophe goes before ``= + - @``, tab and line ends
    (and before apostrophes before one of these), ``from_csv`` takes it away again. Numbers are not sent through here:
    they stay numbers. Invisible characters stay, since files are for programs; quotes are the CSV writer's business."""
    return f"'{text}" if _FORMULA.match(text) else text


def from_csv(text: str) -> str:
    """What ``for_csv`` was given."""
    return text[1:] if _QUOTED_FORMULA.match(text) else text


def for_json(value: Any, *, indent: int | None = 1) -> str:
    """JSON in which the invisible characters of texts are escapes, which every reader turns back."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)  # escapes C0; line ends are its own
    return _INVISIBLE.sub(lambda match: match[0] if match[0] == "\n" else _json_escape(match[0]), text)


def _is_plain(text: str) -> bool:
    """Whether nothing of it means anything to Markdown: most names, which need no code span."""
    return _PLAIN.fullmatch(text) is not None and _MEANT.search(text) is None


def _json_escape(character: str) -> str:
    return f"\\u{ord(character):04x}" if character < "\U00010000" else json.dumps(character)[1:-1]


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
