"""The texts of reports by e-mail, in the language of the subscription. The worker sends them."""

from collections.abc import Mapping

from salepixel.report.figures import Name

TITLES: Mapping[str, Mapping[Name, tuple[str, str]]] = {
    "en": {
        Name.NET_REVENUE: ("Net revenue", "Revenue of attributed orders, less refunds"),
        Name.ORDERS: ("Orders", "Orders attributed to an e-mail"),
        Name.SHARE_OF_REVENUE: (
            "Share of all revenue",
            "Net revenue that e-mails earned, as a share of the shop's net revenue",
        ),
        Name.FIRST_ORDERS: ("Orders of new buyers", "Without an earlier order from the same e-mail address"),
        Name.RETURNING_ORDERS: ("Orders of returning buyers", "Of buyers who had already bought"),
        Name.SHARE_OF_ORDERS: (
            "Share of all orders",
            "Orders that an e-mail earned, as a share of all the shop's orders",
        ),
        Name.AVERAGE_ORDER_VALUE: ("Average order value", "Net revenue divided by orders"),
        Name.REFUNDS: ("Refunds", "Refunds of these orders until now"),
        Name.HUMAN_CLICKS: ("Human clicks", "Clicks without bot clicks"),
        Name.REVENUE_PER_CLICK: ("Revenue per click", "Net revenue divided by human clicks"),
        Name.CLICKERS: ("Clickers", "Different contacts who clicked"),
        Name.CLICK_RATE: ("Click rate", "Clickers divided by e-mails sent"),
        Name.CONVERSION_RATE: ("Conversion rate", "Buyers divided by e-mails sent"),
        Name.REVENUE_PER_RECIPIENT: ("Revenue per recipient", "Net revenue divided by e-mails sent"),
    },
    "es": {
        Name.NET_REVENUE: ("Ingresos netos", "Ingresos de los pedidos atribuidos, menos los reembolsos"),
        Name.ORDERS: ("Pedidos", "Pedidos atribuidos a un e-mail"),
        Name.SHARE_OF_REVENUE: (
            "Porcentaje de todos los ingresos",
            "Ingresos netos atribuidos a los e-mails, como porcentaje de los de toda la tienda",
        ),
        Name.FIRST_ORDERS: (
            "Pedidos de compradores nuevos",
            "Sin un pedido anterior de la misma dirección de e-mail",
        ),
        Name.RETURNING_ORDERS: (
            "Pedidos de compradores que repiten",
            "De compradores que ya habían comprado",
        ),
        Name.SHARE_OF_ORDERS: (
            "Porcentaje de todos los pedidos",
            "Pedidos atribuidos a un e-mail, como porcentaje de todos los de la tienda",
        ),
        Name.AVERAGE_ORDER_VALUE: ("Valor medio del pedido", "Ingresos netos divididos entre los pedidos"),
        Name.REFUNDS: ("Reembolsos", "Reembolsos de estos pedidos hasta ahora"),
        Name.HUMAN_CLICKS: ("Clics humanos", "Clics sin los de bots"),
        Name.REVENUE_PER_CLICK: ("Ingresos por clic", "Ingresos netos divididos entre los clics humanos"),
        Name.CLICKERS: ("Quienes hicieron clic", "Contactos distintos que hicieron clic"),
        Name.CLICK_RATE: ("Tasa de clics", "Quienes hicieron clic, divididos entre los e-mails enviados"),
        Name.CONVERSION_RATE: ("Tasa de conversión", "Compradores divididos entre los e-mails enviados"),
        Name.REVENUE_PER_RECIPIENT: (
            "Ingresos por destinatario",
            "Ingresos netos divididos entre los e-mails enviados",
        ),
    },
}
"""Figure -> its name, and what it means."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "day_1": "%(name)s: the first day",
        "day_3": "%(name)s: the first three days",
        "day_7": "%(name)s: the first seven days",
        "month": "%(month)s in review: %(name)s",
        "of_campaign": "This e-mail campaign was sent on %(sent)s (UTC). These are its figures until now.",
        "of_month": "The month is closed: its revenue and orders are final. Compared with the month before.",
        "nothing": "No order has been attributed yet.",
        "more": "%(share)s more than before: %(value)s",
        "less": "%(share)s less than before: %(value)s",
        "same": "same as before: %(value)s",
        "before": "before: %(value)s",
        "by_day": "Net revenue by day",
        "by_week": "Net revenue by week",
        "links": "Best links",
        "campaigns": "Best campaigns",
        "orders": "%(count)s orders",
        "order": "1 order",
        "open": "Open the report",
        "why": "You get this e-mail because %(address)s is subscribed to reports of %(account)s.",
        "end": "Stop these e-mails",
    },
    "es": {
        "day_1": "%(name)s: el primer día",
        "day_3": "%(name)s: los tres primeros días",
        "day_7": "%(name)s: los siete primeros días",
        "month": "Resumen de %(month)s: %(name)s",
        "of_campaign": "Esta campaña de e-mail se envió el %(sent)s (UTC). Estas son sus cifras hasta ahora.",
        "of_month": "El mes está cerrado: ingresos y pedidos son definitivos. Comparado con el mes anterior.",
        "nothing": "Aún no se ha atribuido ningún pedido.",
        "more": "un %(share)s más que antes: %(value)s",
        "less": "un %(share)s menos que antes: %(value)s",
        "same": "igual que antes: %(value)s",
        "before": "antes: %(value)s",
        "by_day": "Ingresos netos por día",
        "by_week": "Ingresos netos por semana",
        "links": "Mejores enlaces",
        "campaigns": "Mejores campañas",
        "orders": "%(count)s pedidos",
        "order": "1 pedido",
        "open": "Abrir el informe",
        "why": "Recibe este e-mail porque %(address)s está en la lista de informes de %(account)s.",
        "end": "No recibir más estos e-mails",
    },
}
