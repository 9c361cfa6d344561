// Buttons that copy a text: one listener for all of a view, as the text they stand by comes and goes.

import { element } from "./dom";

const SAID_MS = 1_500;

/** Makes a button that copies the code or the turn that it stands in. */
export function copyButton(title: string): HTMLButtonElement {
  return element("button", { type: "button", class: "ap-copy", title, "aria-label": title }, "copy");
}

export class Copying {
  private readonly said = new Map<HTMLElement, ReturnType<typeof setTimeout>>();

  /** `text` finds what a button copies; null where it is no button of its own. */
  constructor(
    private readonly root: HTMLElement,
    private readonly text: (button: HTMLElement) => string | null,
  ) {
    root.addEventListener("click", this.pressed);
  }

  close(): void {
    this.root.removeEventListener("click", this.pressed);
    for (const timer of this.said.values()) clearTimeout(timer);
    this.said.clear();
  }

  private readonly pressed = (event: Event): void => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>(".ap-copy") : null;
    const text = button === null ? null : (button.dataset["text"] ?? button.previousElementSibling?.querySelector("code")?.textContent ?? this.text(button));
    if (button === null || text === null) return;
    void copied(text).then((done) => this.say(button, done ? "copied" : "not allowed here"));
  };

  private say(button: HTMLElement, word: string): void {
    clearTimeout(this.said.get(button));
    button.textContent = word;
    this.said.set(button, setTimeout(() => {
      button.textContent = button.dataset["text"] ?? "copy";
      this.said.delete(button);
    }, SAID_MS));
  }
}

/** Pages that came without encryption have no clipboard to write to, except by the older way. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { "aria-hidden": "true", style: "position: fixed; opacity: 0" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
