/** The JSON schema of a team, as the Python side derives it from its parser (`%agents schema`), and ways through it. */

import json from "../schema.json";

export interface Schema {
  $ref?: string;
  description?: string;
  examples?: string[];
  type?: string | string[];
  enum?: (string | boolean)[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema | false>;
  propertyNames?: Schema;
  additionalProperties?: Schema | false;
  required?: string[];
  minProperties?: number;
  minItems?: number;
}

const DEFINITIONS = json.$defs as unknown as Record<string, Schema>;

export const TEAM: Schema = resolved({ $ref: json.$ref });

/** What people call the parts of a team, in messages. */
const CALLED: Record<string, string> = { team: "a team", sub_team: "a team below a team", agent: "an agent", gate: "a gate" };

/** The schema behind a reference, with what is said beside the reference. */
export function resolved(schema: Schema): Schema {
  if (!schema.$ref) return schema;
  const name = schema.$ref.split("/").pop() ?? "";
  const { $ref: _, ...beside } = schema;
  return { ...DEFINITIONS[name], ...beside };
}

/** What the thing with these keys is called, such as `a team`; undefined where that depends on its place. */
export function called(schema: Schema): string | undefined {
  const keys = Object.keys(schema.properties ?? {}).join();
  const found = Object.entries(DEFINITIONS).find(([, one]) => alternatives(one).some((each) => Object.keys(each.properties ?? {}).join() === keys));
  return found && schema.properties ? (CALLED[found[0]] ?? `\`${found[0]}\``) : undefined;
}

/** A schema's alternatives, or itself. */
export function alternatives(schema: Schema): Schema[] {
  const whole = resolved(schema);
  return whole.anyOf ? whole.anyOf.flatMap(alternatives) : [whole];
}

/** The alternative that has keys, if there is one. */
export function mapping(schema: Schema): Schema | undefined {
  return alternatives(schema).find((one) => one.properties !== undefined || one.type === "object");
}

/** What stands behind one key of a schema; undefined where there is no such key. */
export function behind(schema: Schema, key: string): Schema | undefined {
  const keys = mapping(schema);
  const own = keys?.properties?.[key] ?? keys?.additionalProperties;
  return own ? resolved(own) : undefined;
}

/** What stands at a path of keys, from the team on. */
export function at(path: readonly string[]): Schema | undefined {
  return path.reduce<Schema | undefined>((schema, key) => schema && behind(schema, key), TEAM);
}

/** In words what a schema takes. */
export function takes(schema: Schema): string {
  const words = alternatives(schema).map((one) => {
    if (one.enum) return one.enum.filter((value) => typeof value === "string").join(", ");
    if (one.type === "integer" || one.type === "number") {
      const kind = one.type === "integer" ? "a whole number" : "a number";
      return `${kind} from ${one.minimum}${one.maximum === undefined ? " up" : ` to ${one.maximum}`}`;
    }
    if (one.type === "boolean") return "true or false";
    if (one.type === "array") return "a list";
    return one.type === "object" ? "`key: value` lines" : "text";
  });
  return [...new Set(words)].join(", or ");
}
