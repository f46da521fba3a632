"""Why a machine cannot run the lab, and the ways out."""

from __future__ import annotations

from pathlib import Path

from .execute import Ability

_SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "0", "AppArmor keeps user namespaces from ordinary programs"),
    ("kernel/unprivileged_userns_clone", "1", "ordinary users may not make user namespaces"),
)


def ways_out(ability: Ability) -> str:
    """What to do where the lab cannot run; first that it is needed for nothing else."""
    broken = next((c for c in ability.checks if not c.ok), None)
    text = [
        f"The lab cannot run here: {broken.what if broken else 'a step'} is refused.",
        "`check` and `bind` do not need it. The recordings of all scenarios can be replayed anywhere.",
    ]
    if broken and broken.what == "Linux":
        return "\n".join([*text, "Run it in a Linux virtual machine."])
    if broken and broken.what.startswith("the program"):
        return "\n".join([*text, "Install util-linux, iproute2 and nftables (Debian: apt install iproute2 nftables)."])
    text.append("Ways out:")
    for key, good, meaning in _SWITCHES:
        value = _read(key)
        if value is not None and value != good:
            text.append(f"  - {meaning}: sudo sysctl -w {key.replace('/', '.')}={good}")
    if _read("user/max_user_namespaces") == "0":
        text.append("  - No user namespace is allowed at all: sudo sysctl -w user.max_user_namespaces=10000")
    text += [
        "  - Run it as root: then plain namespaces are enough.",
        "  - Use a virtual machine, or a container started with --privileged.",
    ]
    return "\n".join(text)


def _read(key: str) -> str | None:
    try:
        return Path("/proc/sys", key).read_text().strip()
    except OSError:
        return None
