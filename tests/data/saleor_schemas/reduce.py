"""Cuts a Saleor's schema (1 MB) down to the types that our queries reach, for the tests of the queries.

From a checkout of saleor/saleor:
    git show 3.22.0:saleor/graphql/schema.graphql | python reduce.py > 3.22.0.graphql
Descriptions and directives other than @deprecated go, and so do fields and arguments of types that are not
in REACHED. Add a type there, and make the files again, when a query needs it.
"""

import sys
from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError, parse, print_ast
from graphql.language import ast

ROOTS = {"Query": {"app", "orders", "shop"}, "Subscription": {"event"}}
"""The fields that are kept of these; of the others all."""

REACHED = {
    *("Query", "Subscription", "Event", "Shop", "App", "Permission", "PermissionEnum", "PageInfo"),
    *("OrderCreated", "OrderConfirmed", "OrderPaid", "OrderFullyPaid", "OrderUpdated", "OrderRefunded"),
    *("OrderFullyRefunded", "OrderCancelled", "OrderExpired", "OrderMetadataUpdated", "OrderBulkCreated"),
    *("AppInstalled", "AppStatusChanged", "AppDeleted", "IssuingPrincipal", "Webhook"),
    *("Order", "OrderCountableConnection", "OrderCountableEdge", "OrderLine", "OrderGrantedRefund"),
    *("OrderGrantedRefundLine", "Fulfillment", "FulfillmentLine", "Payment", "TransactionItem"),
    *("GiftCard", "User", "MetadataItem", "TaxedMoney", "Money"),
    *("OrderFilterInput", "OrderWhereInput", "DateRangeInput", "DateTimeRangeInput"),
    *("OrderStatus", "OrderChargeStatusEnum", "OrderGrantedRefundStatusEnum", "FulfillmentStatus"),
    *("ID", "Int", "Float", "String", "Boolean", "DateTime", "Date", "PositiveDecimal", "Metadata"),
}


def reduce(text: str) -> str:
    """The part of a schema that is named above."""
    kept = [definition for one in parse(text).definitions if (definition := _reduced(one))]
    return print_ast(ast.DocumentNode(definitions=tuple(kept))) + "\n"


def _reduced(definition: Any) -> Any:
    name = getattr(definition, "name", None)
    if isinstance(definition, ast.SchemaDefinitionNode) or name is None or name.value not in REACHED:
        return None
    changes: dict[str, Any] = {"description": None, "directives": ()}
    if isinstance(definition, ast.ObjectTypeDefinitionNode | ast.InterfaceTypeDefinitionNode):
        changes["interfaces"] = tuple(one for one in definition.interfaces or () if one.name.value in REACHED)
        wanted = ROOTS.get(name.value)
        fields = [one for one in definition.fields or () if wanted is None or one.name.value in wanted]
        changes["fields"] = _kept(fields)
    elif isinstance(definition, ast.InputObjectTypeDefinitionNode):
        changes["fields"] = _kept(definition.fields or ())
    elif isinstance(definition, ast.EnumTypeDefinitionNode):
        changes["values"] = tuple(
            _copy(one, description=None, directives=()) for one in definition.values or ()
        )
    return _copy(definition, **changes)


def _kept(fields: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_field(one) for one in fields if _named(one.type) in REACHED)


def _field(field: Any) -> Any:
    changes: dict[str, Any] = {"description": None}
    changes["directives"] = tuple(one for one in field.directives or () if one.name.value == "deprecated")
    if isinstance(field, ast.FieldDefinitionNode):
        changes["arguments"] = _kept(field.arguments or ())
    return _copy(field, **changes)


def _named(node: Any) -> str:
    while not isinstance(node, ast.NamedTypeNode):
        node = node.type
    return str(node.name.value)


def _copy(node: Any, **changes: Any) -> Any:
    values = {key: getattr(node, key) for key in node.keys if key != "loc"}
    return type(node)(**(values | changes))


if __name__ == "__main__":
    try:
        sys.stdout.write(reduce(sys.stdin.read()))
    except GraphQLError as error:
        sys.exit(str(error))
