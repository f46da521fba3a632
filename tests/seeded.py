"""Plants random secrets into every text of a report, redacts it, and searches every format for them.

The fields come from the types of the model, so that a new field is covered without a change here. The search shares no
code with the redaction: it decodes the output and looks for the secret itself.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
import typing
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import get_args
from urllib.parse import quote, unquote

import msgspec

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Diagnosis, Observation, Report, Verdict
from portdoctor.redaction.fields import map_fields
from portdoctor.redaction.leaks import leaks, originals
from portdoctor.redaction.redact import redact
from portdoctor.redaction.vocabulary import vocabulary
from portdoctor.render import json as json_format
from portdoctor.services.ports import port_of

from .test_hostile import FORMATS, build

RECORDINGS = sorted((Path(__file__).parent.parent / "scenarios").glob("*/*.json"))
CATALOGUE = load_catalogue()
SYLLABLES = (
    "ba", "ce", "di", "fo", "gu", "ha", "jo", "ka", "li", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wo", "xi",
    "yu", "zer", "bran", "dolf", "grim", "kest", "lund", "morv",
)  # fmt: skip
ENDS = ("com", "net", "org", "io", "de", "co.uk", "corp", "lan", "internal", "local", "xn--p1ai")


class Secret(typing.NamedTuple):
    """A secret: what it is, a text that contains it, and the words or the address that must not be found."""

    what: str
    text: str
    words: tuple[str, ...] = ()
    address: str = ""


# ---------------------------------------------------------------- secrets of random shape


def word(rng: random.Random) -> str:
    """A word of 6 letters or more that the package does not use."""
    while True:
        made = "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(3, 5)))
        if len(made) >= 6 and made not in vocabulary() and port_of(made) is None:
            return made


def name(rng: random.Random) -> Secret:
    words = [word(rng) for _ in range(rng.randint(1, 3))]
    labels = list(words)
    match rng.randrange(7):
        case 0:
            labels[0] = f"{labels[0]}-{rng.randint(1, 99)}"
        case 1:
            labels[0] = f"{rng.choice(('web', 'db', 'mail', 'ip', 'host'))}-{labels[0]}"
        case 2:
            labels[0] = labels[0].upper()
        case 3:
            labels[0] = f"{labels[0]}ü"
            words[0] = labels[0]
    if len(labels) > 1 or rng.random() < 0.4:
        labels.append(rng.choice(ENDS))
    text = ".".join(labels)
    return Secret("name", text, tuple(words))


def plain_name(rng: random.Random) -> Secret:
    """A name of letters, digits, hyphens and underscores, which a report may have as the name of a host."""
    while not (made := name(rng)).text.isascii():
        pass
    return made


def ipv4(rng: random.Random) -> Secret:
    block = rng.choice((None, None, "10", "192.168", "172.20", "100.70", "169.254"))
    while True:
        octets = [str(rng.randint(1, 254)) for _ in range(4)]
        octets[: len(block.split(".")) if block else 0] = block.split(".") if block else []
        if block or (int(octets[0]) < 224 and octets[0] not in ("127", "10", "192", "198", "203", "172", "100", "169")):
            text = ".".join(octets)
            return Secret("address", text, address=text)


def ipv6(rng: random.Random) -> Secret:
    head = rng.choice(("2a02", "2606", "2001", "fd12", "fe80"))
    groups = [head, *(f"{rng.randrange(1, 65536):x}" if rng.random() < 0.7 else "0" for _ in range(7))]
    groups[-1] = f"{rng.randrange(300, 65536):x}"
    if head == "fe80":
        groups[1:4] = ["0"] * 3
    address = IPv6Address(":".join(groups))
    return Secret("address", str(address), address=str(address))


def address(rng: random.Random) -> Secret:
    return ipv4(rng) if rng.random() < 0.5 else ipv6(rng)


def user(rng: random.Random) -> Secret:
    one, two = word(rng), word(rng)
    text = rng.choice((one, f"{one}.{two}", f"{one}_{two}", one.title(), f"{one}{rng.randint(1, 99)}", f"{two}\\{one}"))
    return Secret("user", text, tuple(w for w in (one, two) if w in text.lower()))


def mail(rng: random.Random) -> Secret:
    who, where = user(rng), name(rng)
    return Secret("mail", f"{who.text.replace(chr(92), '.')}@{where.text}.org", (*who.words, *where.words))


def path(rng: random.Random) -> Secret:
    one, two = word(rng), word(rng)
    forms = ("/home/{}/{}.pem", "C:\\Users\\{}\\{}.log", "/srv/{}/etc/{}.conf", "~{}/{}")
    return Secret("path", rng.choice(forms).format(one, two), (one, two))


def organisation(rng: random.Random) -> Secret:
    one, two = word(rng).title(), word(rng).title()
    forms = ("{} {}, Inc.", "{} {} GmbH", "{}/{} Ltd", "The {} = {} Company", "{}+{}")
    return Secret("organisation", rng.choice(forms).format(one, two), (one.lower(), two.lower()))


def mac(rng: random.Random) -> Secret:
    octets = [f"{rng.randrange(16, 256):02x}" for _ in range(6)]
    text = rng.choice((":".join(octets), "-".join(octets).upper(), "".join(octets), "enx" + "".join(octets)))
    return Secret("mac", text, ("mac:" + "".join(octets),))


def token(rng: random.Random) -> Secret:
    data = bytes(rng.randrange(256) for _ in range(rng.randint(9, 24)))
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    text = rng.choice(
        (
            data.hex(), base64.b64encode(data).decode().strip("="), base64.urlsafe_b64encode(data).decode().strip("="),
            "".join(rng.choice(letters) for _ in range(rng.randint(10, 30))), str(rng.randrange(10**9, 10**14)),
            f"eyJ{base64.urlsafe_b64encode(data).decode().strip('=')}.{word(rng)}",
        )
    )  # fmt: skip
    return Secret("token", text, (text.lower(),))


SHAPES: tuple[Callable[[random.Random], Secret], ...] = (
    name, name, ipv4, ipv6, user, mail, path, organisation, mac, token,
)  # fmt: skip
SENTENCES = (
    "{}", "220 {} ready", "no route to host {}", "user={}", "addr:{}", "<{}>", "[{}]:443", '{{"host":"{}"}}', "({})",
    "from {} by mail", "password for {}: rejected", "Connection refused by {}.", "ERR {}, try again later", "x{}",
    "{}y", "'{}'", "key={};", "/{}/", "{}:8080", "cn={},dc=net", "host {} port 22", "“{}”", "{}/24", "Bearer {}",
    "token: {}",
)  # fmt: skip


def disguised(secret: Secret, rng: random.Random) -> str:
    """The text of a secret in one of the spellings and encodings in which it may come from the network."""
    text = secret.text
    if secret.address and rng.random() < 0.5:
        return rng.choice(_spellings(ip_address(secret.address)))
    match rng.randrange(12):
        case 0:
            return text.upper() if secret.what != "token" else text
        case 1:
            return "".join(f"%{byte:02x}" for byte in text.encode())
        case 2:
            return quote(text, safe="")
        case 3:
            return text.encode().hex()
        case 4 | 5:
            around = rng.choice(("", "a", "xy"))
            return base64.b64encode(f"{around}{text}{rng.choice(('', ' end'))}".encode()).decode()
        case 6 if secret.what == "name":
            return ".".join(reversed(text.split(".")))
        case 7:
            return f"https://{word(rng)}:x@{text.split()[0].replace('/', '.')}/{text}?q={text}"
        case _:
            return text


def _spellings(of: IPv4Address | IPv6Address) -> list[str]:
    text, number = str(of), int(of)
    if isinstance(of, IPv6Address):
        digits = of.exploded.replace(":", "")
        return [
            of.exploded, text.upper(), text.replace(":", "-"), of.reverse_pointer, digits, f"[{text}]", f"{text}%eth0",
        ]  # fmt: skip
    octets = text.split(".")
    return [
        "-".join(octets), f"ip-{'-'.join(octets)}", of.reverse_pointer, f"::ffff:{text}", f"{number:08x}", str(number),
        str(IPv6Address(f"::ffff:{text}")), f"0x{number:08X}", str(IPv6Address((0x64FF9B << 96) + number)),
        "_".join(octets), ".".join(o.zfill(3) for o in octets), f"{text}.static.net", f"{text}:8080",
    ]  # fmt: skip


# ---------------------------------------------------------------- planting


class Planter:
    """Gives a text for a field, and keeps the secrets that it planted."""

    def __init__(self, rng: random.Random, *, wild: bool = False) -> None:
        self.rng, self.wild = rng, wild
        self.planted: list[Secret] = []

    def __call__(self, what: str, text: str) -> str:
        """Return a text with a secret for a field of this kind. `wild`: any secret in any field."""
        rng = self.rng
        fits = None if self.wild else FITTING.get(what)
        secret = (fits or rng.choice(SHAPES))(rng)
        self.planted.append(secret)
        if fits:
            return secret.text if what != "url" else f"https://{secret.text}/{word(rng)}"
        if what in ("term", "word", "time", "id") and not self.wild:
            return secret.text
        if what == "distinguished-name" and rng.random() < 0.7:
            return f"CN={secret.text}, O={self._more(organisation)}, C=DE"
        if what == "command":
            return f"/usr/bin/{self._more(user)} --password={secret.text}"
        shown = rng.choice(SENTENCES).format(disguised(secret, rng))
        return f"{text[:200]} {shown}" if text and rng.random() < 0.5 else shown

    def _more(self, shape: Callable[[random.Random], Secret]) -> str:
        self.planted.append(shape(self.rng))
        return self.planted[-1].text


# Fields that code of ours reads as what they are: an address that is none is refused when a record is read.
FITTING: dict[str, Callable[[random.Random], Secret]] = {
    "address": address, "network": address, "host": plain_name, "url": plain_name,
}  # fmt: skip


def generated(planter: Planter) -> Report:
    """A report with a secret in every text of every kind of observation."""
    report: Report = build(Report, "text")
    report = msgspec.structs.replace(report, schema="portdoctor.report/1")
    assert {type(o) for o in report.observations} == set(get_args(Observation))
    return map_fields(report, lambda what, text: text if text.startswith("portdoctor.report") else planter(what, text))


def recorded(report: Report, planter: Planter) -> Report:
    """A recorded report with its names and addresses replaced by secret ones, and secrets in its free text."""
    known: dict[str, str] = {}

    def change(what: str, text: str) -> str:
        if not text or what in ("term", "word", "id", "time", "file", "device", "unit", "program"):
            return text
        if what in ("address", "network", "host"):
            bare = text.partition("/")[0].partition("%")[0]
            kept = bare in ("", "localhost", "0.0.0.0", "::", "id.server", "*")
            if kept or bare != text or bare.startswith(("127.", "::1", "ff")):
                return text
            if text not in known:
                four = re.fullmatch(r"[\d.]+", text)
                made = ipv4(planter.rng) if four else ipv6(planter.rng) if ":" in text else plain_name(planter.rng)
                planter.planted.append(made)
                known[text] = made.text.lower()
            return known[text]
        if what == "text" and any(o in text for o in known):
            for old, new in known.items():
                text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w.])", new, text)
            return text
        return planter(what, text) if planter.rng.random() < 0.5 else text

    return map_fields(report, change)


# ---------------------------------------------------------------- the search


class Output:
    """Everything that was written, also as decoded from the encodings that hide a text."""

    def __init__(self, texts: list[str]) -> None:
        text = "\n".join(dict.fromkeys(texts))
        self.views = [text.lower(), *(view.lower() for view in dict.fromkeys(_decoded(text)))]
        self.numbers = {n for view in self.views for n in _addresses(view)}
        self.digits = re.sub("[-:. ]", "", self.views[0])

    def has(self, secret: Secret) -> bool:
        """Return whether the secret is in the output, in any spelling."""
        if secret.address:
            return int(ip_address(secret.address)) in self.numbers
        for each in secret.words:
            if each.startswith("mac:"):
                if each[4:] in self.digits:
                    return True
            elif any(form in view for form in _forms(each) for view in self.views):
                return True
        return False


def _forms(text: str) -> tuple[str, ...]:
    if text.isascii():
        return (text,)
    return (text, text.encode("idna").decode(), text.encode("ascii", "backslashreplace").decode())


def _decoded(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    hidden = []
    for run in set(re.findall(r"[A-Za-z0-9+/_-]{8,}", text)):
        plain = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            part = plain[start:]
            part = part[: len(part) // 4 * 4]
            if part:
                hidden.append(base64.b64decode(part).decode("utf-8", "ignore"))
    for run in set(re.findall(r"(?:[0-9A-Fa-f]{2}){4,}", text)):
        hidden += [binascii.unhexlify(run[s : s + (len(run) - s) // 2 * 2]).decode("utf-8", "ignore") for s in (0, 1)]
    yield "\n".join(hidden)


def _addresses(text: str) -> Iterator[int]:
    """Every number that may be an address in the text, whatever its spelling."""
    numbers = r"(?<!\d)(\d{1,3})[-_.](\d{1,3})[-_.](\d{1,3})[-_.](\d{1,3})(?!\d)"
    for found in re.finditer(f"(?={numbers})", text):
        octets = [int(n) for n in found.groups()]
        if max(octets) < 256:
            yield int.from_bytes(octets)
            yield int.from_bytes(octets[::-1])
    for found in re.finditer(r"(?<![0-9a-f])[0-9a-f]{8}(?![0-9a-f])", text):
        yield int(found[0], 16)
    yield from (int(n) for n in re.findall(r"(?<!\d)\d{8,39}(?!\d)", text))
    for run in re.findall(r"[0-9a-f]{0,4}(?:[:_-][0-9a-f]{0,4}){2,}(?:\.\d+){0,3}", text):
        run = re.sub("[_-]", ":", run)
        for start in [m.start() for m in re.finditer(r"(?<![0-9a-f])[0-9a-f:]", run)]:
            for end in range(len(run), start + 2, -1):
                if end < len(run) and run[end].isalnum() and run[end - 1].isalnum():
                    continue
                try:
                    six = IPv6Address(run[start:end])
                except ValueError:
                    continue
                yield int(six)
                yield int(six) & 0xFFFFFFFF
                break
    for run in re.findall(r"(?<![0-9a-f.])[0-9a-f](?:\.[0-9a-f]){31}", text):
        yield int(run.replace(".", ""), 16)
        yield int(run.replace(".", "")[::-1], 16)
    for run in re.findall(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text):
        yield int(run, 16)


# ---------------------------------------------------------------- one trial


def trial(number: int, rng: random.Random) -> tuple[int, list[str]]:
    """Return how many secrets were planted, and those that were found. Every third report is a recorded one."""
    planter = Planter(rng, wild=number % 3 == 1)
    report = recorded(load(rng), planter) if number % 3 == 2 else generated(planter)
    (changed,), key = redact([report])
    if planter.wild:  # its addresses are none, which the diagnosis does not expect
        diagnosis = Diagnosis(verdict=Verdict(symptom="undetermined"))
        outputs = [json_format.render(changed, diagnosis)]
    else:
        diagnosis = diagnose(changed, CATALOGUE)
        outputs = [render(changed, diagnosis) for render in FORMATS.values()]
    output = Output(outputs)
    found = [f"input {number}: {s.what} {s.text!r}" for s in dict.fromkeys(planter.planted) if output.has(s)]
    if kinds := leaks(outputs, originals([report]), key.values()):
        found.append(f"input {number}: the check of the output reports {', '.join(sorted(kinds))}")
    return len(planter.planted), found


def load(rng: random.Random) -> Report:
    return json_format.load_report(rng.choice(RECORDINGS).read_text(encoding="utf-8"))
