"""Runs the inside of the lab as on a host whose network settings are the opposite of the usual ones.

A new network namespace inherits settings of the host's. Setting the host's own would disturb the machine, so each
namespace gets them right after it is made, before the lab builds anything in it. Started in front of the lab's own
command by tests/test_lab.py: ``python other_host.py PYTHON -P -c START run SCENARIO``.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from portdoctor.lab import inside, namespaces

assert sys.platform == "linux"
_IP4_INTERFACE = {
    "rp_filter": 1, "accept_redirects": 0, "send_redirects": 0, "secure_redirects": 0, "shared_media": 0,
    "arp_ignore": 8, "arp_announce": 2, "arp_filter": 1, "arp_accept": 1, "proxy_arp": 1, "accept_local": 1,
    "route_localnet": 1, "log_martians": 1, "promote_secondaries": 1, "ignore_routes_with_linkdown": 1,
}  # fmt: skip
_IP6_INTERFACE = {
    "forwarding": 1, "accept_dad": 2, "accept_ra": 2, "accept_redirects": 0, "hop_limit": 3, "disable_ipv6": 1,
    "use_tempaddr": 2, "dad_transmits": 5, "autoconf": 0, "proxy_ndp": 1, "router_solicitations": 3,
}  # fmt: skip
OPPOSITE = {
    "net/ipv4/ip_forward": "1",
    **{f"net/ipv4/conf/{i}/{k}": str(v) for i in ("all", "default", "lo") for k, v in _IP4_INTERFACE.items()},
    **{f"net/ipv6/conf/{i}/{k}": str(v) for i in ("all", "default", "lo") for k, v in _IP6_INTERFACE.items()},
    "net/ipv4/ip_default_ttl": "5",
    "net/ipv4/ip_local_port_range": "8000 9000",
    "net/ipv4/ip_local_reserved_ports": "8080,8443",
    "net/ipv4/ip_unprivileged_port_start": "0",
    "net/ipv4/ip_nonlocal_bind": "1",
    "net/ipv4/ip_no_pmtu_disc": "1",
    "net/ipv4/fib_multipath_hash_policy": "1",
    "net/ipv4/icmp_ratelimit": "60000",
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv4/icmp_msgs_per_sec": "1",
    "net/ipv4/icmp_msgs_burst": "1",
    "net/ipv4/icmp_echo_ignore_all": "1",
    "net/ipv4/icmp_errors_use_inbound_ifaddr": "1",
    "net/ipv4/tcp_syn_retries": "1",
    "net/ipv4/tcp_syn_linear_timeouts": "0",
    "net/ipv4/tcp_synack_retries": "1",
    "net/ipv4/tcp_syncookies": "0",
    "net/ipv4/tcp_ecn": "1",
    "net/ipv4/tcp_abort_on_overflow": "1",
    "net/ipv4/tcp_mtu_probing": "2",
    "net/ipv4/tcp_timestamps": "0",
    "net/ipv4/tcp_retries2": "3",
    "net/core/somaxconn": "1",
    "net/ipv6/bindv6only": "1",
    "net/ipv6/ip_nonlocal_bind": "1",
    "net/ipv6/icmp/ratelimit": "60000",
    "net/ipv6/icmp/echo_ignore_all": "1",
    "net/ipv6/fib_multipath_hash_policy": "1",
    "net/netfilter/nf_conntrack_tcp_loose": "0",
    "net/netfilter/nf_conntrack_tcp_be_liberal": "1",
    "net/netfilter/nf_conntrack_tcp_timeout_syn_sent": "1",
    "net/netfilter/nf_conntrack_udp_timeout": "1",
}


def _new_network(name: str) -> int:
    network = _real_new_network(name)
    with namespaces.inside(network):
        for key, value in OPPOSITE.items():
            path = Path("/proc/sys", key)
            if path.exists():  # not every kernel has every setting
                path.write_text(value)
    return network


if __name__ == "__main__":
    _real_new_network = namespaces.new_network
    namespaces.new_network = _new_network
    del sys.argv[1 : sys.argv.index("-c") + 2]
    inside.main()
