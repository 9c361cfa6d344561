// Typed access to what came as JSON: a known field with a wrong type is an error that names it.

/** A message of a known kind that does not have the shape of that kind. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export function text(value: unknown, where: string): string {
  if (typeof value !== "string") throw new WireError(`${where}: expected text, got ${typeof value}`);
  return value;
}

/** Typed access to the fields of a JSON object; without a default a missing field is an error. */
export class Fields {
  private readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly where: string,
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new WireError(`${where}: expected an object`);
    }
    this.fields = value as Record<string, unknown>;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined;
  }

  names(): string[] {
    return Object.keys(this.fields);
  }

  text(name: string, missing?: string): string {
    const value = this.get(name) ?? missing;
    return text(value, `${this.where}.${name}`);
  }

  number(name: string, missing?: number): number {
    const value = this.get(name) ?? missing;
    if (typeof value !== "number") throw new WireError(`${this.where}.${name}: expected a number`);
    return value;
  }

  numberOrNull(name: string): number | null {
    return (this.get(name) ?? null) === null ? null : this.number(name);
  }

  word<T extends string>(name: string, words: readonly T[], missing: T): T {
    const value = this.text(name, missing);
    const word = words.find((known) => known === value);
    if (word === undefined) throw new WireError(`${this.where}.${name}: unknown word ${JSON.stringify(value)}`);
    return word;
  }

  list<T>(name: string, item: (value: unknown, where: string) => T): T[] {
    const value = this.get(name) ?? [];
    if (!Array.isArray(value)) throw new WireError(`${this.where}.${name}: expected a list`);
    return value.map((each, index) => item(each, `${this.where}.${name}[${index}]`));
  }
}
