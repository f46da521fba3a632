"""The part of the lab that runs inside its namespaces: builds, serves, runs the real command, returns the result.

Called as ``python -m portdoctor.lab.inside run|shell SCENARIO``, SCENARIO being JSON, by run.py.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import msgspec

from . import build, daemons, servers
from . import namespaces as ns
from .layout import LAB, Layout
from .result import LONGEST, ScenarioRun
from .scenario import Node, Scenario, as_lines, fill_blanks, scenario_folder

assert sys.platform == "linux"
UP_WITHIN = 30.0  # seconds until a daemon listens; initdb needs a second of processor time, more on a busy machine
RECORD = f"{LAB}/report.json"
_LISTEN, _CLOSE, _SYN_SENT = "0A", "07", "02"  # states in /proc/net/tcp and udp (include/net/tcp_states.h)


def main() -> None:
    """Run one scenario and write its ScenarioRun to stdout, or open a shell in its client."""
    mode, text = sys.argv[1:3]
    scenario = msgspec.json.decode(text, type=Scenario)
    if mode == "shell":
        sys.exit(_shell(scenario))
    try:
        result = _run(scenario)
    except (build.BuildError, OSError, servers.SpecError, subprocess.SubprocessError) as error:
        result = ScenarioRun(failure=f"{type(error).__name__}: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(result))


def _run(scenario: Scenario) -> ScenarioRun:
    os.umask(0o022)
    began = time.monotonic()
    stage = Stage(scenario)
    built = time.monotonic() - began
    words = shlex.split(stage.scenario.command)
    began = time.monotonic()
    client = stage.portdoctor(stage.as_client, *words, "--record", RECORD)
    others = [stage.start_portdoctor(client, node, command) for node, command in stage.scenario.also.items()]
    done = client.finish()
    for other in others:
        other.finish()
    took = time.monotonic() - began
    report = Path(RECORD).read_text() if Path(RECORD).exists() else ""
    if others:
        files = [RECORD, *(f"{LAB}/{node}.json" for node in stage.scenario.also)]
        report = stage.portdoctor(stage.as_client, "diagnose", "--merge", *files, "--json").finish().stdout
        done = stage.portdoctor(stage.as_client, "diagnose", "--merge", *files).finish()
    return ScenarioRun(
        report=report, text=done.stdout, complaints=done.stderr, exit=done.code, built=built, took=took,
        queued=done.queued,
    )


def _shell(scenario: Scenario) -> int:
    try:
        stage = Stage(scenario)
    except (build.BuildError, OSError, servers.SpecError) as error:
        print(error, file=sys.stderr)
        return 3
    environment = stage.environment() | {"TERM": os.environ.get("TERM", "dumb"), "PS1": "lab$ "}
    del environment["NO_COLOR"]
    environment["PATH"] = os.pathsep.join((_bin_with_portdoctor(), environment["PATH"]))
    shell = os.environ.get("LAB_SHELL", "/bin/sh")
    return subprocess.run([shell], env=environment, cwd=LAB, preexec_fn=stage.as_client, check=False).returncode


def _bin_with_portdoctor() -> str:
    """Return a folder in which a shell finds this very program as `portdoctor`, however it was installed."""
    folder = Path(LAB, "bin")
    folder.mkdir(exist_ok=True)
    program = folder / "portdoctor"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m portdoctor "$@"\n')
    program.chmod(0o755)
    return str(folder)


class Finished(NamedTuple):
    """A command that ended."""

    stdout: str
    stderr: str
    code: int
    queued: float  # seconds for which it waited for a processor


class Running(NamedTuple):
    """A command that was started, and the files that it writes to."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    complaints: IO[bytes]

    def ended(self, within: float = 0.0) -> bool:
        """Whether it ends within so many seconds. It is not waited for: its statistics can still be read."""
        pidfd = os.pidfd_open(self.process.pid)
        readable, _, _ = select.select([pidfd], [], [], within)
        os.close(pidfd)
        return bool(readable)

    def finish(self) -> Finished:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if not self.ended(LONGEST):
            self.process.kill()
            raise subprocess.TimeoutExpired(self.process.args, LONGEST)
        queued = _seconds_queued(self.process.pid)
        code = self.process.wait()
        texts = []
        for file in (self.out, self.complaints):
            with file:
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return Finished(texts[0], texts[1], code, queued)


def _seconds_queued(pid: int) -> float:
    """Seconds for which an ended process, before it is reaped, waited for a processor (sched-stats.rst).

    0.0 on a kernel without these statistics.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Stage:
    """A built network with its servers running. Raises BuildError, OSError or SpecError while being set up."""

    def __init__(self, scenario: Scenario) -> None:
        layout = Layout(scenario)

        def words(name: str, which: str | None) -> str:
            own = {"dir": LAB, "pki": f"{LAB}/pki", "python": sys.executable}
            return layout.words(name, which) if which else own[name]

        self.scenario = scenario = fill_blanks(scenario, words)
        self.layout = Layout(scenario)
        build.furnish(self.layout, scenario_folder() / "pki")
        for node in scenario.at.values():
            for name, text in node.files.items():
                Path(LAB, name).write_text(text)
        self.network = build.Network(self.layout)
        self.network.build()
        self.user = ns.ordinary_user()
        if build.has_stub(self.layout):
            self._small_servers(self.layout.nodes[0], [build.stub(self.layout)], as_root=True)
        for name in self.layout.nodes:
            self._serve(name, scenario.node(name))

    def environment(self) -> dict[str, str]:
        """The environment of all that runs in the lab. Only PYTHONPATH comes from the caller."""
        package = Path(__file__).resolve().parent.parent.parent
        path = os.pathsep.join(p for p in (str(package), os.environ.get("PYTHONPATH", "")) if p)
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "HOME": LAB, "LANG": "C.UTF-8",
            "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "80",
            **self.scenario.node(self.layout.nodes[0]).env,
        }  # fmt: skip

    def portdoctor(self, before: Callable[[], None], *words: str) -> Running:
        """Start the real command; `before` puts the child into its place."""
        command = [sys.executable, "-m", "portdoctor", *words]
        out, complaints = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed by `finish`)
        process = subprocess.Popen(
            command, env=self.environment(), cwd=LAB, preexec_fn=before, stdin=subprocess.DEVNULL,
            stdout=out, stderr=complaints,
        )  # fmt: skip
        return Running(process, out, complaints)

    def start_portdoctor(self, client: Running, node: str, command: str) -> Running:
        """Start a command at another place while the client is connecting, or after it ended; the report: NODE.json."""
        while self._sockets(self.layout.nodes[0], tcp=_SYN_SENT) == 0 and not client.ended():
            time.sleep(0.002)
        return self.portdoctor(lambda: self._enter_node(node), *shlex.split(command), "--record", f"{LAB}/{node}.json")

    def as_client(self) -> None:
        """Become the client's user in the client's network, in a child before exec."""
        self._enter_node(self.layout.nodes[0])

    def _enter_node(self, name: str) -> None:
        node = self.scenario.node(name)
        ns.enter(self.network.fd[name], ns.CLONE_NEWNET)
        if node.nofile is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (node.nofile, node.nofile))
        if not node.root:
            ns.become_ordinary(self.user)

    def _serve(self, name: str, node: Node) -> None:
        specs = list(as_lines(node.serve))
        for spec in specs:
            servers.read_spec(spec)
        is_client = name == self.layout.nodes[0]
        if specs and not is_client:
            self._small_servers(name, specs, node.as_root)
        if specs and is_client:  # a separate process, so that the client can see its name
            self._start(name, "servers", lambda: [sys.executable, "-m", "portdoctor.lab.servers", *specs], node)
        for command in as_lines(node.run):
            self._start(name, command, lambda command=command: shlex.split(command), node)  # type: ignore[misc]
        for key in daemons.wanted(node):
            self._start(name, key, lambda key=key: daemons.command(name, node, key), node)  # type: ignore[misc]
            _until(lambda key=key: daemons.is_ready(name, key), f"{key} at {name} is not ready")  # type: ignore[misc]

    def _small_servers(self, name: str, specs: list[str], as_root: bool) -> None:
        """Start the lab's own servers in a fork, faster than a new interpreter. A pipe reports when they listen."""
        reader, writer = os.pipe()
        if os.fork() == 0:
            try:
                ns.enter(self.network.fd[name], ns.CLONE_NEWNET)
                if not as_root:
                    ns.become_ordinary(self.user)
                servers.serve(specs, lambda: os.close(writer))
            except (OSError, servers.SpecError) as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            if complaint := pipe.read():
                raise build.BuildError(f"at.{name}.serve: {complaint}")

    def _start(self, name: str, what: str, command: Callable[[], list[str]], node: Node) -> None:
        """Start a program in a node and wait until there is a new listening socket."""
        log = f"{LAB}/{name}-{what.split()[0].rpartition('/')[2]}.log"
        before = self._listening(name)
        child = os.fork()
        if child == 0:
            try:
                out = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o666)
                ns.enter(self.network.fd[name], ns.CLONE_NEWNET)
                if not node.as_root:
                    ns.become_ordinary(self.user)
                arguments = command()
                for fd in (1, 2):
                    os.dup2(out, fd)
                os.chdir(LAB)
                os.execvpe(arguments[0], arguments, self.environment())
            except (OSError, subprocess.SubprocessError) as error:
                Path(log).write_text(str(error))
            finally:
                os._exit(127)

        def up() -> bool:
            if os.waitpid(child, os.WNOHANG)[0]:
                raise build.BuildError(f"{what} at {name} ended: {_tail(log)}")
            return self._listening(name) > before

        _until(up, f"{what} at {name} does not listen")

    def _listening(self, name: str) -> int:
        """How many TCP and UDP sockets wait for others in a node."""
        return self._sockets(name, tcp=_LISTEN, udp=_CLOSE)

    def _sockets(self, name: str, **states: str) -> int:
        """How many sockets of a node have the given state: rows of its socket tables, by protocol."""
        count = 0
        with ns.inside(self.network.fd[name]):
            for protocol, state in states.items():
                for table in (protocol, f"{protocol}6"):
                    count += Path("/proc/thread-self/net", table).read_text().count(f" {state} ")
        return count


def _until(true: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + UP_WITHIN
    while not true():
        if time.monotonic() > deadline:
            raise build.BuildError(f"{complaint} after {UP_WITHIN:.0f} seconds")
        time.sleep(0.005)


def _tail(log: str) -> str:
    try:
        return json.dumps(Path(log).read_text()[-400:])
    except OSError:
        return "no output"


if __name__ == "__main__":
    main()
