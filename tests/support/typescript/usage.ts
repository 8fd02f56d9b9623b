// What a program in TypeScript may write against the types that are generated from the OpenAPI document, and what its
// compiler refuses. Compiled by tests/integration/clients/test_generated_clients.py; a line after `@ts-expect-error`
// that compiles is an error.
import type { components, operations, paths } from "./rollcall";

type Schemas = components["schemas"];

export const gold: Schemas["Filter"] = [{ attribute: "plan", operator: "equals", value: "gold" }];

export const nested: Schemas["Filter"] = {
  any: [
    { attribute: "orders", operator: "between", value: [1, 5] },
    { not: { attribute: "tags", operator: "includes_any", value: ["vip"] } },
    { all: [{ attribute: "last_order", operator: "in_last_days", value: 30 }, gold] },
    { attribute: "birthday", operator: "anniversary_in_period", value: "this_month" },
    { attribute: "email", operator: "is_set" },
    { attribute: "segment", operator: "in", value: ["0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77"] },
  ],
};

export const create: operations["create_segment"]["requestBody"]["content"]["application/json"] = {
  name: "Gold",
  description: "",
  type: "dynamic",
  filter: gold,
};

export function names(page: Schemas["MemberPage"]): string[] {
  return page.data.map((member) => member.name ?? member.external_id ?? member.id);
}

type Refusal = paths["/v1/segments"]["post"]["responses"][422]["content"]["application/problem+json"];
export const places = (refusal: Refusal): string[] => refusal.errors.map((each) => each.pointer);

// @ts-expect-error: no operator of this name
export const misspelt: Schemas["Condition"] = { attribute: "plan", operator: "equal", value: "gold" };

// @ts-expect-error: the operator takes a number of days
export const days: Schemas["Condition"] = { attribute: "last_order", operator: "in_last_days", value: "30" };

// @ts-expect-error: the operator takes an array
export const one: Schemas["Condition"] = { attribute: "plan", operator: "in", value: "gold" };

// @ts-expect-error: the operator takes a value
export const none: Schemas["Condition"] = { attribute: "plan", operator: "contains" };

// @ts-expect-error: the operator takes no value
export const extra: Schemas["Condition"] = { attribute: "plan", operator: "is_set", value: "gold" };

// @ts-expect-error: no period of this name
export const period: Schemas["Condition"] = { attribute: "last_order", operator: "in_period", value: "last_decade" };

// @ts-expect-error: no group of this name
export const group: Schemas["Filter"] = { and: [{ attribute: "plan", operator: "is_set" }] };

// @ts-expect-error: a group holds nodes
export const empty: Schemas["Filter"] = { any: ["plan"] };

// @ts-expect-error: an attribute has no such type
export const kind: Schemas["AttributeBody"] = { type: "money", label: null };

// @ts-expect-error: a page has no such field
export const rows = (page: Schemas["SegmentPage"]) => page.items;
