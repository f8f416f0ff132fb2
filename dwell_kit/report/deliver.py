"""Where finished reports go: a folder, a webhook, a mailbox."""

from __future__ import annotations

import json
import shutil
import smtplib
import ssl
import urllib.request
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from dwell_kit.errors import InputError
from dwell_kit.report.run import RunResult
from dwell_kit.settings import Settings

_KINDS: Final = ("folder", "webhook", "mailto")
_PATIENCE_S: Final = 30
_OWN_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check(target: str) -> None:
    """Raises InputError for a target that nothing can be delivered to."""
    kind, _, where = target.partition(":")
    if kind not in _KINDS or not where or (kind == "webhook" and urlsplit(where).scheme not in {"http", "https"}):
        raise InputError(
            "a report cannot be delivered there",
            expected="folder:PATH, webhook:URL or mailto:ADDRESS",
            found=target,
        )


def send(target: str, result: RunResult, settings: Settings) -> str | None:
    """Deliver a run; what went wrong in words, or None."""
    kind, _, where = target.partition(":")
    try:
        if kind == "folder":
            _copy(result.folder, Path(where))
        elif kind == "webhook":
            _post(where, result)
        else:
            _mail(where, result, settings)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return f"not delivered to {target}: {type(error).__name__}: {error}"
    return None


def _copy(folder: Path, home: Path) -> None:
    """The whole folder, or nothing of it; one that is there already, of the same run, is left as it is."""
    target, arriving = home / folder.name, home / f".{folder.name}-arriving"
    there, mine = target / "manifest.json", folder / "manifest.json"
    if there.exists() and there.read_bytes() == mine.read_bytes():
        return
    shutil.rmtree(arriving, ignore_errors=True)
    try:
        shutil.copytree(folder, arriving)
        if target.exists():
            raise FileExistsError(f"there is another {target.name} already")
        arriving.rename(target)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def again(target: str) -> bool:
    """True if a delivery that was interrupted may be made again: what arrives twice is there once."""
    return target.startswith("folder:")


def _post(url: str, result: RunResult) -> None:
    said = {name: result.manifest[name] for name in ("report", "version", "created_at", "parameters")}
    said["parameters"] = {k: v for k, v in said["parameters"].items() if k != "workspace"}
    body = json.dumps({**said, "folder": result.folder.name}, default=str).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
        answer.read()


def _mail(address: str, result: RunResult, settings: Settings) -> None:
    if not settings.smtp_url:
        raise ValueError("no mail server is set: DWELL_SMTP_URL=smtp://user:password@host:587")
    server = urlsplit(settings.smtp_url)
    message = EmailMessage()
    message["From"] = settings.mail_from or f"dwell_kit@{server.hostname}"
    message["To"] = address
    message["Subject"] = f"{result.manifest['report']} report, data version {result.manifest['version']}"
    message.set_content(
        f"The {result.manifest['report']} report of {result.manifest['created_at']} is attached.\n"
    )
    for name, kind in (("report.pdf", ("application", "pdf")), ("report.html", ("text", "html"))):
        path = result.folder / name
        if path.exists():
            message.add_attachment(path.read_bytes(), maintype=kind[0], subtype=kind[1], filename=name)
            break  # the PDF, else the page
    try:
        _hand_over(message, server)
    except ssl.SSLCertVerificationError as error:
        raise ValueError(
            f"the mail server {server.hostname} is not who it says, or nobody known signed its certificate "
            f"({error.verify_message}); name an authority of your own by SSL_CERT_FILE=/path/to/it.pem"
        ) from error


def _hand_over(message: EmailMessage, server: SplitResult) -> None:
    """To the server, by a connection whose certificate is checked wherever there is one."""
    trusted = ssl.create_default_context()
    secure = server.scheme == "smtps"
    host, port = server.hostname or "", server.port or (465 if secure else 25)
    with (
        smtplib.SMTP_SSL(host, port, timeout=_PATIENCE_S, context=trusted)
        if secure
        else smtplib.SMTP(host, port, timeout=_PATIENCE_S)
    ) as smtp:
        smtp.ehlo()  # before it, the server has not said what it can do
        if not secure and smtp.has_extn("starttls"):
            smtp.starttls(context=trusted)
            secure = True
        if server.username and not secure and server.hostname not in _OWN_MACHINE:
            raise ValueError(
                "the server would take the password in clear text: it offers no STARTTLS, nor smtps://"
            )
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)
