// What can be done at a position, a moment or a turn: roll back, branch, compare. The kernel does the same as the magic
// of that name, says what a rollback leaves behind before it does it, and what came of it.

import { element, setAttribute } from "./dom";
import { nodesOf } from "./markup";
import { stay } from "./say";
import type { ActAt, Action, ActOutcome } from "./wire";

/** What is asked for; the session adds who asks. */
export type Wish = Omit<ActAt, "kind" | "view">;

interface Kind {
  readonly label: string;
  /** What does the same in a cell. */
  readonly command: (at: string) => string;
}

const KINDS: Readonly<Record<Action, Kind>> = {
  rollback: { label: "Roll back here", command: (at) => `%rollback ${at}` },
  branch: { label: "Branch here", command: (at) => `%branch idea ${at}` },
  diff: { label: "Compare with now", command: (at) => `%diff ${at}` },
};
const ALL = Object.keys(KINDS) as Action[];

export class Actions {
  /** The buttons, or without a kernel the commands. */
  readonly root = element("span", { class: "ap-actions", role: "group", "aria-label": "From here", hidden: "" });
  /** Below them: the question before a rollback, the name of a branch, what came of it. */
  readonly panel = element("div", { class: "ap-outcome", role: "region", "aria-live": "polite", tabindex: "-1", hidden: "" });
  private readonly buttons = new Map<Action, HTMLButtonElement>();
  private drawn = "";
  private at: string | null = null;
  private connected = false;
  /** What was asked for and not answered yet. */
  private asked: Wish | null = null;
  private seen: ActOutcome | null = null;

  /** `act` sends a wish to the kernel; false if it certainly did not get it. */
  constructor(private readonly act: (wish: Wish) => boolean) {
    for (const action of ALL) {
      const button = element("button", { type: "button", class: "ap-act", "data-action": action }, KINDS[action].label);
      button.addEventListener("click", this.pressed);
      this.buttons.set(action, button);
    }
    this.panel.addEventListener("click", this.answered);
    this.panel.addEventListener("submit", this.named);
    this.panel.addEventListener("keydown", this.key);
  }

  /** `at` is the position as people write it, null where there is none. */
  update(at: string | null, connected: boolean, outcome: ActOutcome | null): void {
    this.at = at;
    this.connected = connected;
    this.root.hidden = at === null;
    const draw = `${at} ${connected}`;
    if (at !== null && draw !== this.drawn) this.row(at);
    this.drawn = draw;
    if (outcome !== null && outcome !== this.seen) {
      const mine = this.asked !== null && outcome.action === this.asked.action && outcome.at === this.asked.at;
      if (mine) this.show(outcome);
      this.seen = outcome;
    }
    if (this.asked !== null && !connected) this.lose(this.asked);
  }

  close(): void {
    for (const button of this.buttons.values()) button.removeEventListener("click", this.pressed);
    this.panel.removeEventListener("click", this.answered);
    this.panel.removeEventListener("submit", this.named);
    this.panel.removeEventListener("keydown", this.key);
  }

  private row(at: string): void {
    if (!this.connected) {
      const commands = ALL.map((action) => KINDS[action].command(at));
      this.root.replaceChildren(...commands.map(commandButton));
      return;
    }
    for (const [action, button] of this.buttons) setAttribute(button, "aria-label", named(action, at));
    // Buttons that stand there stay: one of them may have the focus.
    if (this.root.firstChild !== this.buttons.get("rollback")) this.root.replaceChildren(...this.buttons.values());
  }

  private readonly pressed = (event: Event): void => {
    const action = (event.currentTarget as HTMLElement).dataset["action"] as Action;
    if (this.at === null) return;
    if (action === "branch") this.askName(this.at);
    else this.ask({ action, at: this.at, name: "", sure: false });
  };

  private ask(wish: Wish): void {
    this.asked = wish;
    if (!this.act(wish)) this.lose(wish);
    else this.fill(named(wish.action, wish.at), wish.sure ? "Rolling back; a team at work is waited for…" : "Asking the kernel…");
  }

  private lose({ action, at }: Wish): void {
    this.asked = null;
    this.fill("Not done", `The kernel does not answer: \`${KINDS[action].command(at)}\` in a cell does the same.`, closing());
    setAttribute(this.panel, "data-failed", "");
  }

  private askName(at: string): void {
    this.asked = null;
    const name = element("input", { type: "text", class: "ap-branch-name", "aria-label": "Name of the new branch", placeholder: "Name, or leave it to the pool", autocomplete: "off" });
    name.addEventListener("keydown", stay);
    const form = element("form", { class: "ap-outcome-answer", "data-at": at }, name, element("button", { type: "submit", class: "ap-sure" }, "Make branch"), closing("Cancel"));
    this.fill(named("branch", at), `A branch that leaves right after ${at}; the head stays where it is.`, form);
    name.focus();
  }

  private show(outcome: ActOutcome): void {
    const { action, at, told, effects, html, asks, failed } = outcome;
    const parts: Node[] = [];
    if (effects.length > 0) {
      const warning = asks ? "Cannot be undone, because it happened outside the pool:" : "Not undone, because it happened outside the pool:";
      parts.push(element("div", { class: "ap-outcome-effects" }, `⚠ ${warning}`, element("ul", {}, ...effects.map((effect) => element("li", {}, effect)))));
    }
    const compared = html !== "" && action === "diff"; // which says itself what it is
    if (compared) parts.push(nodesOf(html));
    else if (html !== "") parts.push(element("details", {}, element("summary", {}, asks ? "What would leave" : "What left"), nodesOf(html)));
    const sure = element("button", { type: "button", class: "ap-sure", "data-at": at }, "Roll back");
    parts.push(asks ? element("div", { class: "ap-outcome-answer" }, sure, closing("Cancel")) : closing());
    this.asked = null;
    this.fill(named(action, at), asks ? `Roll back to ${at}? ${told.charAt(0).toUpperCase()}${told.slice(1)}.` : compared ? "" : told, ...parts);
    setAttribute(this.panel, "data-asks", asks ? "" : null);
    setAttribute(this.panel, "data-failed", failed ? "" : null);
    this.panel.focus({ preventScroll: true }); // not the button: whoever presses Enter twice must not have said yes
  }

  private fill(name: string, told: string, ...parts: Node[]): void {
    setAttribute(this.panel, "aria-label", name);
    setAttribute(this.panel, "data-asks", null);
    setAttribute(this.panel, "data-failed", null);
    const line = told === "" ? [] : [element("div", { class: "ap-outcome-told" }, ...withCommands(told))];
    this.panel.replaceChildren(...line, ...parts);
    this.panel.hidden = false;
  }

  private readonly answered = (event: Event): void => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
    const at = button?.dataset["at"];
    if (button?.classList.contains("ap-close")) this.left();
    else if (at !== undefined) this.ask({ action: "rollback", at, name: "", sure: true });
  };

  private readonly named = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const name = form.querySelector("input")?.value.trim() ?? "";
    this.ask({ action: "branch", at: form.dataset["at"] ?? "", name, sure: false });
  };

  private readonly key = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.left();
  };

  /** Takes back what was asked and shown. */
  leave(): void {
    this.asked = null;
    this.panel.hidden = true;
    this.panel.replaceChildren();
  }

  private readonly left = (): void => {
    this.leave();
    this.buttons.get("rollback")?.focus({ preventScroll: true });
  };
}

/** A button's name for those who hear it without what stands beside it: what is seen of it, and where it leads. */
function named(action: Action, at: string): string {
  return `${KINDS[action].label} (${/^\d+$/.test(at) ? `offset ${at}` : at})`;
}

/** A line in which the magics can be copied. */
function withCommands(told: string): (Node | string)[] {
  return told.split(/`([^`]+)`|(%\w+ [-\w]+)/).flatMap((part, index) => {
    if (part === undefined || part === "") return [];
    return index % 3 === 0 ? part : commandButton(part);
  });
}

/** A magic that a press copies. */
export function commandButton(line: string): HTMLButtonElement {
  return element("button", { type: "button", class: "ap-copy ap-command", "data-text": line, title: `Copy ${line}` }, line);
}

function closing(label = "Close"): HTMLButtonElement {
  return element("button", { type: "button", class: "ap-close" }, label);
}
