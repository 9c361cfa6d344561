// Numbers as people read them.

const EXACT = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** `950`, `12.4k`, `3.1M`. */
export function count(value: number): string {
  return SHORT.format(value).replace("K", "k");
}

/** `12,431`. */
export function exact(value: number): string {
  return EXACT.format(value);
}

/** US dollars: small sums keep two digits that say something. */
export function dollars(value: number): string {
  if (value === 0) return "$0";
  return `$${value >= 1 ? value.toFixed(2) : value.toPrecision(2).replace(/e.*$/, "")}`;
}

/** Milliseconds as `0:07`, `12:30`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Tokens, with about how many those are that are being spoken: a server counts them at a turn's end. */
export function taken(tokens: number, speaking: number, view: { readonly estimated: boolean }): string {
  return speaking > 0 ? `~ ${count(tokens + speaking)}` : bounded(count(tokens), view);
}

/** A number that is only known to be at most this, where `estimated` says so. */
export function bounded(number: string, { estimated }: { readonly estimated: boolean }): string {
  return estimated ? `≤ ${number}` : number;
}
