"""Signs about Kubernetes: whether the target is a Service of the cluster that this machine belongs to. Pure."""

from __future__ import annotations

from ..model import Report, Subject
from .base import Reading, absent, present, sign, unknown
from .icmp import port_unreachable
from .observed import own_attempt, plain_address
from .resolver_states import system_lookup


def _service_domains(report: Report) -> list[str]:
    """Return the domains of Services in the search list: "svc.cluster.local", as the kubelet writes it for a pod."""
    return [d.lower().strip(".") for d in report.vantage.search if d.lower().startswith("svc.")]


@sign("the target is a Service of a Kubernetes cluster")
def service(report: Report, subject: Subject) -> Reading:
    """The name that was found lies in a Service domain of the search list, or a variable of Kubernetes has the address.

    Could also be: a headless Service, whose name leads to pods. Unknown for an address, and for other names, in a pod.
    """
    v, o = report.vantage, own_attempt(report, subject)
    seen = [o] if o is not None else []
    if v.kubernetes and plain_address(v.kubernetes) == plain_address(subject.values[0]):
        return present(f"{v.kubernetes} is the Service in the variable KUBERNETES_SERVICE_HOST.", *seen)
    domains = _service_domains(report)
    if not domains and not v.kubernetes:
        return absent("No search domain or variable of this machine belongs to a Kubernetes cluster.")
    found = system_lookup(report)
    names = [report.target.host, *(found.aliases if found is not None else ())]
    for name in (n.lower().rstrip(".") for n in names):
        for domain in domains:
            if name.endswith(f".{domain}"):
                fact = f"{name} is in {domain}, the Service domain of this machine's search list."
                return present(fact, *([found] if found is not None else []), *seen)
    fact = f"This machine belongs to a Kubernetes cluster, and {subject.values[0]} may be a Service of it."
    return unknown("no-answer", *seen, says=fact)


@sign("the reject is that of a Kubernetes Service without endpoints")
def rejects_service(report: Report, subject: Subject) -> Reading:
    """ICMP port unreachable for a Service: kube-proxy rejects so where a Service has no endpoint that is ready.

    Could also be: a network policy that rejects with the same error.
    """
    rejected = port_unreachable(report, subject)
    if rejected.state != "present":
        return rejected
    target = service(report, subject)
    if target.state != "present":
        return target
    return Reading(
        state="present", says=f"{rejected.says} {target.says}",
        evidence=tuple(dict.fromkeys((*rejected.evidence, *target.evidence))),
    )  # fmt: skip
