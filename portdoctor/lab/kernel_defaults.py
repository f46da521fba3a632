"""The kernel's default network settings, which every node starts with instead of those of this machine.

A new network namespace inherits settings of the host (net.core.devconf_inherit_init_net), and links inherit the
neighbour settings. With net.ipv4.ip_forward=1 on the host, for example, every client would be a router. Values are
those of ip-sysctl.rst in the kernel's documentation; comments give the reason for each deviation.
"""

from __future__ import annotations

from collections.abc import Iterable

_IP4_LINK = {
    "rp_filter": 0, "accept_redirects": 1, "send_redirects": 1, "secure_redirects": 1, "shared_media": 1,
    "accept_source_route": 0, "accept_local": 0, "route_localnet": 0, "src_valid_mark": 0, "log_martians": 0,
    "arp_ignore": 0, "arp_announce": 0, "arp_filter": 0, "arp_accept": 0, "arp_notify": 0, "arp_evict_nocarrier": 1,
    "proxy_arp": 0, "proxy_arp_pvlan": 0, "promote_secondaries": 0, "ignore_routes_with_linkdown": 0, "medium_id": 0,
    "bc_forwarding": 0, "bootp_relay": 0, "disable_policy": 0, "disable_xfrm": 0, "tag": 0,
    "drop_gratuitous_arp": 0, "drop_unicast_in_l2_multicast": 0,
}  # fmt: skip
_IP6_LINK = {
    "disable_ipv6": 0, "accept_redirects": 1, "accept_source_route": 0, "hop_limit": 64, "autoconf": 1,
    "dad_transmits": 1, "optimistic_dad": 0, "use_optimistic": 0, "use_tempaddr": 0, "addr_gen_mode": 0,
    "proxy_ndp": 0, "ndisc_notify": 0, "ndisc_evict_nocarrier": 1, "keep_addr_on_down": 0, "force_forwarding": 0,
    "ignore_routes_with_linkdown": 0, "use_oif_addrs_only": 0, "accept_untracked_na": 0, "drop_unsolicited_na": 0,
    "drop_unicast_in_l2_multicast": 0, "disable_policy": 0, "seg6_enabled": 0,
    "accept_dad": 0,  # not the default: an address can be used at once
    "accept_ra": 0,  # not the default: all routes are the scenario's
    "router_solicitations": 0,  # not the default: no router would respond
}  # fmt: skip
_NODE: dict[str, str | int] = {
    "net/ipv4/ip_default_ttl": 64,
    "net/ipv4/ip_local_port_range": "32768 60999",
    "net/ipv4/ip_local_reserved_ports": "",
    "net/ipv4/ip_unprivileged_port_start": 1024,
    "net/ipv4/ip_nonlocal_bind": 0,
    "net/ipv4/ip_autobind_reuse": 0,
    "net/ipv4/ip_no_pmtu_disc": 0,
    "net/ipv4/ip_forward_use_pmtu": 0,
    "net/ipv4/fwmark_reflect": 0,
    "net/ipv4/fib_multipath_hash_policy": 0,
    "net/ipv4/fib_multipath_hash_fields": 7,
    "net/ipv4/fib_multipath_use_neigh": 0,
    "net/ipv4/icmp_ratelimit": 1000,
    "net/ipv4/icmp_ratemask": 6168,
    "net/ipv4/icmp_msgs_per_sec": 1000,
    "net/ipv4/icmp_msgs_burst": 50,
    "net/ipv4/icmp_echo_ignore_all": 0,
    "net/ipv4/icmp_errors_use_inbound_ifaddr": 0,
    "net/ipv4/tcp_syn_retries": 6,
    "net/ipv4/tcp_syn_linear_timeouts": 4,
    "net/ipv4/tcp_synack_retries": 5,
    "net/ipv4/tcp_syncookies": 1,
    "net/ipv4/tcp_max_syn_backlog": 512,
    "net/ipv4/tcp_abort_on_overflow": 0,
    "net/ipv4/tcp_migrate_req": 0,
    "net/ipv4/tcp_ecn": 2,
    "net/ipv4/tcp_ecn_fallback": 1,
    "net/ipv4/tcp_fastopen": 1,
    "net/ipv4/tcp_timestamps": 1,
    "net/ipv4/tcp_window_scaling": 1,
    "net/ipv4/tcp_sack": 1,
    "net/ipv4/tcp_mtu_probing": 0,
    "net/ipv4/tcp_base_mss": 1024,
    "net/ipv4/tcp_min_snd_mss": 48,
    "net/ipv4/tcp_retries1": 3,
    "net/ipv4/tcp_retries2": 15,
    "net/ipv4/tcp_orphan_retries": 0,
    "net/ipv4/tcp_rto_min_us": 200000,
    "net/ipv4/tcp_rto_max_ms": 120000,
    "net/ipv4/tcp_fin_timeout": 60,
    "net/ipv4/tcp_tw_reuse": 2,
    "net/ipv4/tcp_rfc1337": 0,
    "net/ipv4/tcp_invalid_ratelimit": 500,
    "net/ipv4/tcp_fwmark_accept": 0,
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net/ipv4/tcp_wmem": "4096 16384 4194304",
    "net/core/somaxconn": 4096,
    "net/ipv6/bindv6only": 0,
    "net/ipv6/ip_nonlocal_bind": 0,
    "net/ipv6/auto_flowlabels": 1,
    "net/ipv6/fwmark_reflect": 0,
    "net/ipv6/fib_multipath_hash_policy": 0,
    "net/ipv6/fib_multipath_hash_fields": 7,
    "net/ipv6/icmp/ratelimit": 100,
    "net/ipv6/icmp/ratemask": "0-1,3-127",
    "net/ipv6/icmp/echo_ignore_all": 0,
    "net/bridge/bridge-nf-call-iptables": 0,  # not the default of br_netfilter, which few machines load
    "net/bridge/bridge-nf-call-ip6tables": 0,
    "net/bridge/bridge-nf-call-arptables": 0,
    "net/netfilter/nf_conntrack_checksum": 1,
    "net/netfilter/nf_conntrack_log_invalid": 0,
    "net/netfilter/nf_conntrack_generic_timeout": 600,
    "net/netfilter/nf_conntrack_icmp_timeout": 30,
    "net/netfilter/nf_conntrack_icmpv6_timeout": 30,
    "net/netfilter/nf_conntrack_udp_timeout": 30,
    "net/netfilter/nf_conntrack_udp_timeout_stream": 120,
    "net/netfilter/nf_conntrack_tcp_be_liberal": 0,
    "net/netfilter/nf_conntrack_tcp_ignore_invalid_rst": 0,
    "net/netfilter/nf_conntrack_tcp_loose": 1,
    "net/netfilter/nf_conntrack_tcp_max_retrans": 3,
    "net/netfilter/nf_conntrack_tcp_timeout_syn_sent": 120,
    "net/netfilter/nf_conntrack_tcp_timeout_syn_recv": 60,
    "net/netfilter/nf_conntrack_tcp_timeout_established": 432000,
    "net/netfilter/nf_conntrack_tcp_timeout_fin_wait": 120,
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait": 60,
    "net/netfilter/nf_conntrack_tcp_timeout_last_ack": 30,
    "net/netfilter/nf_conntrack_tcp_timeout_time_wait": 120,
    "net/netfilter/nf_conntrack_tcp_timeout_close": 10,
    "net/netfilter/nf_conntrack_tcp_timeout_max_retrans": 300,
    "net/netfilter/nf_conntrack_tcp_timeout_unacknowledged": 300,
}
_NEIGHBOUR = {
    "base_reachable_time_ms": 30000, "retrans_time_ms": 1000, "mcast_solicit": 3, "ucast_solicit": 3, "app_solicit": 0,
    "mcast_resolicit": 0, "delay_first_probe_time": 5, "gc_stale_time": 60, "locktime": 100, "unres_qlen_bytes": 212992,
}  # fmt: skip


def of_node() -> dict[str, str | int]:
    """The settings of a new namespace before it has links. Forwarding is first: it resets others."""
    values: dict[str, str | int] = {"net/ipv4/ip_forward": 0, "net/ipv6/conf/all/forwarding": 0}
    for link in ("all", "default", "lo"):
        values |= {f"net/ipv4/conf/{link}/{key}": value for key, value in _IP4_LINK.items()}
        values |= {f"net/ipv6/conf/{link}/{key}": value for key, value in _IP6_LINK.items()}
    return values | {"net/ipv6/conf/default/forwarding": 0} | _NODE


def of_links(interfaces: Iterable[str]) -> dict[str, str | int]:
    """The neighbour settings of new links, which otherwise come from the host."""
    families = {"ipv4": _NEIGHBOUR, "ipv6": _NEIGHBOUR | {"locktime": 0}}
    return {
        f"net/{family}/neigh/{interface}/{key}": value
        for interface in interfaces
        for family, values in families.items()
        for key, value in values.items()
    }
