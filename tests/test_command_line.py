"""The command line of a process is shown without its secrets."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from portdoctor.host.command_line import without_secrets

LINES = {
    "mysqld --password=s3cret --port=3306": "mysqld --password=… --port=3306",
    "mysql -uroot -ps3cret -P 3306 shop": "mysql -u… -p… -P 3306 shop",
    "app --password s3cret --config /etc/app.conf": "app --password … --config /etc/app.conf",
    "env PGPASSWORD=s3cret psql -h 10.0.0.5": "env PGPASSWORD=… psql -h 10.0.0.5",
    "proxy --upstream https://dana:s3cret@db.example/x": "proxy --upstream …",
    "fetch https://dana:s3cret@db.example/x": "fetch https://…@db.example/x",
    "curl -H Authorization: Bearer s3cret http://x": "curl -H Authorization: Bearer … http://x",
    "curl -u dana:s3cret http://x": "curl -u … http://x",
    "redis-server *:6379": "redis-server *:6379",
    "redis-server --requirepass s3cret --bind 127.0.0.1": "redis-server --requirepass … --bind 127.0.0.1",
    "redis-cli -a s3cret": "redis-cli -a …",
    "java -jar /opt/shop.jar -Xmx512m -Ddb.password=s3cret -Dserver.port=8080":
        "java -jar /opt/shop.jar -Xmx512m -Ddb.password=… -Dserver.port=8080",
    "openssl s_server -passin pass:s3cret -port 443": "openssl s_server -passin … -port 443",
    "nginx: master process /usr/sbin/nginx -g daemon on;": "nginx: master process /usr/sbin/nginx -g … on;",
    "/usr/bin/python3 -m http.server --bind 127.0.0.1 8080": "/usr/bin/python3 -m http.server --bind 127.0.0.1 8080",
    "/usr/bin/python3 manage.py runserver 8000": "/usr/bin/python3 manage.py runserver 8000",
    "node server.js": "node server.js",
    "worker eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s3creta-b_c": "worker …",
    "agent A9f8s7d6f5g4h3j2k1l0A9f8": "agent …",
    "SECRET_KEY=s3cret gunicorn -b 0.0.0.0:8000": "SECRET_KEY=… gunicorn -b 0.0.0.0:8000",
}  # fmt: skip


@pytest.mark.parametrize(("line", "shown"), LINES.items(), ids=LINES)
def test_what_is_shown(line: str, shown: str) -> None:
    assert without_secrets(line.split()) == shown


FORMS = (
    ("--password={}",), ("--password", "{}"), ("-p{}",), ("-a{}",), ("DB_PASSWORD={}",), ("--url", "amqp://u:{}@mq/"),
    ("postgres://{}@db/shop",), ("postgres://dana:{}@db/shop",), ("-u", "dana:{}"), ("-H", "Authorization: Bearer {}"),
    ("--api-key={}",), ("--header=X-Token:{}",), ("-Dtoken={}",), ("bearer", "{}"), ("--secret", "{}"), ("AWS_KEY={}",),
    ("sh", "-c", "PGPASSWORD={} psql"), ("--set", "auth={}"), ("--authorization", "{}"), ("-passin", "pass:{}"),
)  # fmt: skip


def test_no_planted_secret_is_shown() -> None:
    chance = random.Random(9)
    for number in range(5000):
        secret = "".join(chance.choice("abcdefghijkXYZ0123456789._-!$%") for _ in range(chance.randint(6, 24)))
        words = ["/usr/sbin/app", "serve", *chance.choice(FORMS), "--port", "8080", "-v"]
        shown = without_secrets([word.format(secret) for word in words])
        assert secret not in shown, f"{number}: {words} {secret} -> {shown}"
        assert shown.startswith("/usr/sbin/app serve ")
        assert shown.endswith(" --port 8080 -v")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_record_of_a_real_process_has_no_secret() -> None:
    from portdoctor.host.owners import holder

    words = [sys.executable, "-c", "print(flush=True);input()", "--password=s3cret", "x" * 400]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        child.stdout.readline()  # it runs
        command = holder(child.pid, None, None).command or ""
    finally:
        child.communicate(b"\n")
    assert "s3cret" not in command
    assert "--password=…" in command
    assert len(command) <= 300
