// The few DOM verbs that all parts share. Text goes in as text nodes only, never as markup.

/** Makes an element; strings become text nodes. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Sets an element's text, only where it differs: assistive technology announces each change. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets an attribute, or takes it away where the value is null. */
export function setAttribute(target: Element, name: string, value: string | null): void {
  if (value === null) target.removeAttribute(name);
  else if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** Runs `work` at most once a frame, however often it is asked for. */
export class Frame {
  private pending: number | null = null;

  constructor(private readonly work: () => void) {}

  request(): void {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.work();
    });
  }

  cancel(): void {
    if (this.pending !== null) cancelAnimationFrame(this.pending);
    this.pending = null;
  }
}
