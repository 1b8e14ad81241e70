"""The texts of alerts, in the language that each address has. The worker sends them."""

from salepixel.watch.rules import Kind

SUBJECTS = {
    "en": {
        "begin": "Salepixel alert: %(title)s (%(account)s)",
        "end": "Salepixel: resolved: %(title)s (%(account)s)",
        "test": "Salepixel: test message (%(account)s)",
    },
    "es": {
        "begin": "Alerta de Salepixel: %(title)s (%(account)s)",
        "end": "Salepixel: resuelto: %(title)s (%(account)s)",
        "test": "Salepixel: mensaje de prueba (%(account)s)",
    },
}

TITLES = {
    "en": {
        Kind.CANARY: "the test click or test order failed",
        Kind.WEBHOOKS: "no orders arrive from the shop",
        Kind.EVIDENCE: "fewer orders have evidence of a click",
        Kind.FORWARDS: "sales cannot be forwarded",
        Kind.DISK: "the disk is almost full",
        Kind.JOURNAL: "clicks are stored late",
    },
    "es": {
        Kind.CANARY: "el clic o el pedido de prueba ha fallado",
        Kind.WEBHOOKS: "no llegan pedidos de la tienda",
        Kind.EVIDENCE: "menos pedidos tienen prueba de un clic",
        Kind.FORWARDS: "no se pueden reenviar ventas",
        Kind.DISK: "queda poco espacio en disco",
        Kind.JOURNAL: "los clics se guardan con retraso",
    },
}

BODIES = {
    "en": {
        Kind.CANARY: (
            "Every 15 minutes, Salepixel clicks its own tracked link and reports a test order. This test "
            "failed at: %(detail)s. Run `salepixel doctor`, or open First steps of the account."
        ),
        Kind.WEBHOOKS: (
            "At this hour the shop usually sends webhooks, but none has arrived since %(detail)s. "
            "Open Tracking health of the account."
        ),
        Kind.EVIDENCE: (
            "People click as usual, but far fewer orders have evidence of a click: %(detail)s. Check "
            "the tag on the shop's pages and the tracking host: open First steps of the account."
        ),
        Kind.FORWARDS: "Sales that could not be forwarded: %(detail)s. Open Failed forwards.",
        Kind.DISK: (
            "Free space on the server: %(detail)s MB. Without space, clicks are lost. Report this to "
            "the operator of the server."
        ),
        Kind.JOURNAL: (
            "The edge reports: %(detail)s. Visitors are still redirected. Report this to the operator"
            " of the server."
        ),
    },
    "es": {
        Kind.CANARY: (
            "Cada 15 minutos, Salepixel hace clic en un enlace propio y comunica un pedido de prueba. "
            "Esta prueba ha fallado en: %(detail)s. Ejecute `salepixel doctor` o abra Primeros pasos de la "
            "cuenta."
        ),
        Kind.WEBHOOKS: (
            "A esta hora la tienda suele enviar webhooks, pero no ha llegado ninguno desde "
            "%(detail)s. Abra Estado del seguimiento de la cuenta."
        ),
        Kind.EVIDENCE: (
            "Se hace clic como siempre, pero muchos menos pedidos tienen prueba de un clic: "
            "%(detail)s. Revise la etiqueta en las páginas de la tienda y el dominio de seguimiento: "
            "abra Primeros pasos de la cuenta."
        ),
        Kind.FORWARDS: "Ventas que no se pudieron reenviar: %(detail)s. Abra Envíos fallidos.",
        Kind.DISK: (
            "Espacio libre en el servidor: %(detail)s MB. Sin espacio se pierden clics. Avise a "
            "quien administra este servidor."
        ),
        Kind.JOURNAL: (
            "El edge comunica: %(detail)s. Los visitantes siguen llegando a su destino. Avise a "
            "quien administra este servidor."
        ),
    },
}

TEST = {
    "en": "This address receives the alerts of this account.",
    "es": "Esta dirección recibe las alertas de esta cuenta.",
}

OVER = {
    "en": "The problem lasted from %(began)s to %(time)s UTC. It is resolved.",
    "es": "El problema duró desde %(began)s hasta %(time)s UTC. Ya está resuelto.",
}


def write(language: str, phase: str, kind: str, account: str, detail: str, time: str) -> tuple[str, str]:
    """Subject and body of a message. `phase`: begin, end or test."""
    title = TITLES[language][Kind(kind)] if phase != "test" else ""
    subject = SUBJECTS[language][phase] % {"title": title, "account": account}
    if phase == "test":
        return subject, TEST[language]
    if phase == "end":
        return subject, OVER[language] % {"began": detail, "time": time}
    return subject, BODIES[language][Kind(kind)] % {"detail": detail}
