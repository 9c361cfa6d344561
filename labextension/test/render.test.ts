import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import widget from "../src/index";
import type { ToKernel } from "../src/wire";
import { agent, bar, patch, run, state, turn } from "./fixtures";

/** The kernel's end of the wire, as anywidget hands it to a view. */
class Kernel {
  readonly sent: ToKernel[] = [];
  readonly listeners = new Map<string, Set<(...args: never[]) => void>>();
  broken = false;

  constructor(private readonly snapshot = "") {}

  get(name: string): unknown {
    return name === "snapshot" ? this.snapshot : undefined;
  }
  send(content: ToKernel): void {
    if (this.broken) throw new Error("Canceled");
    this.sent.push(content);
  }
  on(event: string, callback: (...args: never[]) => void): void {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: (...args: never[]) => void): void {
    this.listeners.get(event)?.delete(callback);
  }
  fire(event: string, ...args: unknown[]): void {
    for (const callback of this.listeners.get(event) ?? []) callback(...(args as never[]));
    vi.advanceTimersToNextFrame();
  }
  says(message: unknown): void {
    this.fire("msg:custom", message);
  }
}

let el: HTMLElement;
let cleanup = (): void => {};

function open(kernel: Kernel): void {
  cleanup = widget.render({ model: kernel, el });
}
function shown(selector: string): string | null {
  const found = el.querySelector<HTMLElement>(selector);
  return found === null || found.closest("[hidden], [data-gone]") !== null ? null : found.textContent;
}
function press(selector: string): void {
  el.querySelector<HTMLButtonElement>(selector)?.click();
}

beforeEach(() => {
  vi.useFakeTimers();
  el = document.body.appendChild(document.createElement("div"));
});
afterEach(() => {
  cleanup();
  cleanup = () => {};
  el.remove();
  vi.useRealTimers();
});

const two = state({ agents: [agent("planner"), agent("critic")], turns: [turn("1", { text: "One" })] });

describe("a view", () => {
  it("asks for the state, shows it, and grows by patches", () => {
    const kernel = new Kernel();
    open(kernel);
    expect(kernel.sent).toEqual([{ kind: "hello" }]);
    kernel.says(two);
    kernel.says(patch(1, { append: [{ turn: "1", at: 3, text: " two" }], agents: [agent("planner", { state: "speaking" })] }));
    expect(shown(".ap-lane[data-agent='planner'] .ap-turn-text")).toBe("One two");
    expect(shown(".ap-lane[data-agent='planner'] .ap-chip")).toBe("speaking");
    expect(shown(".ap-status")).toBe("running");
  });

  it("asks once when it sees a gap, and goes on from the answer", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    kernel.says(patch(5));
    kernel.says(patch(6));
    expect(kernel.sent).toHaveLength(2);
    kernel.says(state({ seq: 6, turns: [turn("1", { text: "One two three" })] }));
    expect(shown(".ap-turn-text")).toBe("One two three");
  });

  it("says 'stopping' at once, and takes it back if there was a problem", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    press(".ap-stop");
    expect(kernel.sent.at(-1)).toEqual({ kind: "stop" });
    expect([shown(".ap-stop"), shown(".ap-status")]).toEqual(["stopping…", "stopping…"]);
    kernel.says({ kind: "problem", text: "It cannot be stopped." });
    expect([shown(".ap-stop"), shown(".ap-problem")]).toEqual(["Stop", "It cannot be stopped."]);
    kernel.says(patch(1, { run: run({ status: "stopped", reason: "by you" }) }));
    expect([shown(".ap-stop"), shown(".ap-status")]).toEqual([null, "stopped: by you"]);
  });

  it("sends what a person says", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    const input = el.querySelector<HTMLInputElement>(".ap-say input");
    if (input === null) throw new Error("no input");
    input.value = "  Mind the budget ";
    el.querySelector<HTMLFormElement>(".ap-say")?.requestSubmit();
    expect(kernel.sent.at(-1)).toEqual({ kind: "say", text: "Mind the budget" });
    expect(input.value).toBe("");
  });

  it("shows the document instead of the lanes", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    press(".ap-show-document");
    expect(shown(".ap-document .ap-turn-text")).toBe("One");
    expect(shown(".ap-lane")).toBeNull();
  });

  it("shows what reading has cost, once somebody has read more than the task", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    expect([shown(".ap-read"), shown(".ap-lane-read")]).toEqual([null, null]);
    const reading = { task: 1200, own: 0, others: 2300, recalled: 40, stale: 1, restarts: 2 };
    kernel.says(patch(1, { run: run({ reading }), agents: [agent("planner", { reading: { ...reading, stale: 0, restarts: 0 } })] }));
    expect(shown(".ap-read")).toBe("read 3.5k = task 1.2k + others 2.3k + recalled 40 · 1 stale turn · 2 begun anew");
    expect(shown(".ap-lane[data-agent='planner'] .ap-lane-read")).toBe("read 3.5k = task 1.2k + others 2.3k + recalled 40");
    expect(el.querySelector(".ap-read")?.getAttribute("title")).toContain("1,200 of the task");
    kernel.says(patch(2, { run: run({ reading: { ...reading, stale: 2, restarts: 0 } }) }));
    expect(shown(".ap-read")).toContain("· 2 stale turns");
  });

  it("tells a turn that was overtaken from one that failed", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    const note = "overtaken, began anew";
    kernel.says(patch(1, { drops: ["1"], agents: [agent("planner", { state: "thinking", note })] }));
    expect(shown(".ap-lane[data-agent='planner'] .ap-lane-note")).toBe(note);
    kernel.says(patch(2, { turns: [turn("2", { note })], agents: [agent("planner", { state: "thinking" })] }));
    expect(shown(".ap-turn-note")).toBe(note);
    expect(el.querySelectorAll("[data-state='failed'], [data-state='retrying'], [data-status='failed']")).toHaveLength(0);
  });

  it("shows the snapshot, with a note once the kernel does not answer", () => {
    open(new Kernel(JSON.stringify(two)));
    vi.advanceTimersToNextFrame();
    expect([shown(".ap-turn-text"), shown(".ap-link")]).toEqual(["One", null]);
    vi.advanceTimersByTime(3100);
    expect(shown(".ap-link")).toContain("Kernel not connected");
    expect(shown(".ap-stop")).toBeNull();
  });

  it("keeps the text when the connection is lost, and recovers", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    kernel.broken = true;
    kernel.fire("comm_live_update");
    expect([shown(".ap-turn-text"), shown(".ap-status")]).toEqual(["One", "unknown"]);
    expect(shown(".ap-link")).toContain("Connection lost");
    expect(shown(".ap-link")).toContain("%agents attach ");
    kernel.broken = false;
    kernel.says({ ...two, seq: 3 });
    expect([shown(".ap-link"), shown(".ap-status")]).toEqual([null, "running"]);
  });

  it("says so when it cannot read what the kernel sends", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says({ kind: "patch", seq: "one" });
    expect(shown(".ap-problem")).toContain("message.seq");
  });

  it("leaves nothing behind", () => {
    const kernel = new Kernel();
    const [added, removed] = [vi.spyOn(EventTarget.prototype, "addEventListener"), vi.spyOn(EventTarget.prototype, "removeEventListener")];
    open(kernel);
    kernel.says(two);
    kernel.says({ kind: "problem", text: "Something." });
    press(".ap-show-document");
    kernel.listeners.get("msg:custom")?.forEach((listener) => listener(patch(1) as never));
    cleanup();
    cleanup = () => {};
    expect(el.childElementCount).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect([...kernel.listeners.values()].every((listeners) => listeners.size === 0)).toBe(true);
    expect(added.mock.calls.length).toBeGreaterThan(5);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
    vi.restoreAllMocks();
  });
});

describe("what waits for a person", () => {
  const question = { id: "q1", agent: "planner", what: 'order(item="<b>flour</b>")', why: "waiting for you", until: null, rests: "all up to offset 7", again: "", seen: 8, more: [] };

  function asked(): Kernel {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(state({ run: run({ questions: [question] }) }));
    return kernel;
  }

  it("is shown exactly, with buttons that answer once", () => {
    const kernel = asked();
    expect(shown(".ap-question-what")).toBe('order(item="<b>flour</b>")');
    const why = el.querySelector<HTMLInputElement>(".ap-question-why");
    if (why !== null) why.value = " as agreed ";
    press(".ap-approve");
    press(".ap-approve");
    press(".ap-reject");
    expect(kernel.sent.slice(1)).toEqual([{ kind: "resolve", id: "q1", accept: true, text: "as agreed", seen: 8, more: {} }]);
  });

  it("can be refused", () => {
    const kernel = asked();
    press(".ap-reject");
    expect(kernel.sent.at(-1)).toEqual({ kind: "resolve", id: "q1", accept: false, text: "", seen: 8, more: {} });
  });

  it("goes when it was answered, and takes with it only itself", () => {
    const kernel = asked();
    const other = { ...question, id: "q2", what: "pay(amount=3)" };
    kernel.says(patch(1, { run: run({ questions: [question, other] }) }));
    const kept = el.querySelector("[data-question=q2]");
    kernel.says(patch(2, { run: run({ questions: [other] }) }));
    expect(el.querySelectorAll(".ap-question")).toHaveLength(1);
    expect(el.querySelector("[data-question=q2]")).toBe(kept);
    kernel.says(patch(3, { run: run() }));
    expect(shown("[data-testid=tray]")).toBeNull();
  });

  it("lists calls that are alike, and answers all of them with one pair of buttons", () => {
    const kernel = asked();
    const more = [{ id: "q2", agent: "critic", what: "order(<rye>)", seen: 9 }];
    kernel.says(patch(1, { run: run({ questions: [{ ...question, more }] }) }));
    vi.advanceTimersToNextFrame();
    expect(shown(".ap-question-more")).toBe("critic asks: order(<rye>)");
    expect(el.querySelectorAll(".ap-approve")).toHaveLength(1);
    expect(shown(".ap-approve")).toBe("Approve all 2");
    press(".ap-approve");
    expect(kernel.sent.at(-1)).toEqual({ kind: "resolve", id: "q1", accept: true, text: "", seen: 8, more: { q2: 9 } });
  });

  it("says in words what lets pass, also where nothing waits", () => {
    const kernel = asked();
    const told = "the gate of pay lets pass (shadow: all pass, whatever the votes say)";
    kernel.says(patch(1, { run: run({ questions: [question], lets_pass: [told] }) }));
    vi.advanceTimersToNextFrame();
    expect(shown("ul.ap-lets-pass")).toBe(`⚠ ${told}`);
    kernel.says(patch(2, { run: run({ lets_pass: [told] }) }));
    vi.advanceTimersToNextFrame();
    expect(shown("[data-testid=tray]")).toBe(`⚠ ${told}`);
  });

  it("is asked again once what it rests on has changed", () => {
    const kernel = asked();
    press(".ap-approve");
    const again = { ...question, again: "bread.md was rewritten (version 2, by you)", seen: 12 };
    kernel.says(patch(1, { run: run({ questions: [again] }) }));
    vi.advanceTimersToNextFrame();
    expect(shown(".ap-question-again")).toBe("Asked again: bread.md was rewritten (version 2, by you)");
    expect(shown(".ap-question-rests")).toBe("Rests on all up to offset 7");
    press(".ap-reject");
    expect(kernel.sent.slice(1).map((answer) => ("seen" in answer ? answer.seen : null))).toEqual([8, 12]);
  });

  it("cannot be answered where no kernel hears it", () => {
    const kernel = asked();
    kernel.broken = true;
    press(".ap-approve");
    vi.advanceTimersToNextFrame();
    expect(el.querySelector<HTMLButtonElement>(".ap-approve")?.disabled).toBe(true);
  });
});

describe("numbers that move", () => {
  it("count what is being said, and say that they do so about", () => {
    const kernel = new Kernel();
    open(kernel);
    const ended = turn("1", { text: "One", status: "finished" });
    kernel.says(state({ run: run({ tokens: 100 }), agents: [agent("planner", { tokens: 100, turns: 1, turns_max: 2 })], turns: [ended] }));
    expect([shown(".ap-tokens"), shown(".ap-lane-numbers")]).toEqual(["100 tokens", "turn 1/2 · 100 tokens"]);
    kernel.says(patch(1, { turns: [turn("2")] }));
    expect(shown(".ap-lane-numbers")).toBe("turn 2/2 · 100 tokens");
    kernel.says(patch(2, { append: [{ turn: "2", at: 0, text: "x".repeat(80) }] }));
    expect([shown(".ap-tokens"), shown(".ap-lane-numbers")]).toEqual(["~ 120 tokens", "turn 2/2 · ~ 120 tokens"]);
    kernel.says(patch(3, { turns: [turn("2", { status: "finished" })], run: run({ tokens: 130 }), agents: [agent("planner", { tokens: 130, turns: 2, turns_max: 2 })] }));
    expect([shown(".ap-tokens"), shown(".ap-lane-numbers")]).toEqual(["130 tokens", "turn 2/2 · 130 tokens"]);
  });
});

describe("a Python agent", () => {
  it("has turns, and no tokens that it could take", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(state({ agents: [agent("checker", { kind: "python", turns: 1, turns_max: 4 })], turns: [turn("1", { agent: "checker", text: "x".repeat(400) })] }));
    expect(shown(".ap-lane-numbers")).toBe("turn 2/4");
  });
});

describe("numbers that rest on an estimate", () => {
  it("are marked wherever they stand", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(state({ run: run({ tokens: 1234, estimated: true, cost: 0.5 }), agents: [agent("planner", { tokens: 1234, estimated: true })] }));
    expect(shown(".ap-tokens")).toBe("≤ 1.2k tokens");
    expect(shown(".ap-cost")).toBe("≤ $0.50");
    expect(shown(".ap-lane-numbers")).toContain("≤ 1.2k tokens");
    kernel.says(patch(1, { run: run({ tokens: 1234 }) }));
    expect(shown(".ap-tokens")).toBe("1.2k tokens");
  });
});

describe("the head of a run", () => {
  let sight = (_seen: boolean): void => {};
  const idle = globalThis.IntersectionObserver;

  beforeEach(() => {
    vi.stubGlobal("IntersectionObserver", class {
      constructor(private readonly told: (entries: { isIntersecting: boolean }[]) => void) {}
      observe(target: Element): void {
        if (target.classList.contains("ap-slot")) sight = (isIntersecting) => this.told([{ isIntersecting }]);
      }
      unobserve(): void {}
      disconnect(): void {}
    });
    const panel = document.body.appendChild(document.createElement("div"));
    panel.className = "jp-NotebookPanel";
    panel.innerHTML = `<div class="jp-Notebook"></div>`;
    panel.firstElementChild?.append(el);
    el.insertAdjacentHTML("afterbegin", "<style>.x {}</style>");
  });
  afterEach(() => {
    cleanup();
    cleanup = () => {};
    document.querySelector(".jp-NotebookPanel")?.remove();
    vi.stubGlobal("IntersectionObserver", idle);
  });

  it("stands over the notebook while it runs out of sight, with what is typed there and its focus", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    const input = document.querySelector<HTMLInputElement>(".ap-say-text");
    if (input === null) throw new Error("no input");
    input.value = "Mind";
    input.focus();
    sight(false);
    const shelf = document.querySelector(".jp-NotebookPanel > .ap-shelf");
    expect(shelf?.querySelector(".ap-stop")?.textContent).toBe("Stop");
    expect(shelf?.querySelector("style")?.textContent).toBe(".x {}");
    expect(shelf?.contains(input)).toBe(true);
    expect([input.value, document.activeElement]).toEqual(["Mind", input]);
    sight(true);
    expect(document.querySelector(".ap-shelf")).toBeNull();
    expect([el.contains(input), document.activeElement]).toEqual([true, input]);
  });

  it("goes back when the run ends, and when the view goes", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(two);
    sight(false);
    kernel.says(patch(1, { run: run({ status: "finished" }) }));
    expect(document.querySelector(".ap-shelf")).toBeNull();
    sight(false);
    kernel.says(state({ seq: 2 }));
    expect(document.querySelector(".ap-shelf")).not.toBeNull();
    cleanup();
    cleanup = () => {};
    expect(document.querySelector(".ap-shelf, .ap-header")).toBeNull();
  });

  it("can stop a team that has not said a word, and keeps the places of what goes", () => {
    const kernel = new Kernel();
    open(kernel);
    expect(shown(".ap-stop")).toBe("Stop");
    press(".ap-stop");
    expect(kernel.sent.at(-1)).toEqual({ kind: "stop" });
    expect(shown(".ap-stop")).toBe("stopping…");
    kernel.says(state({ run: run({ status: "stopped" }) }));
    expect(el.querySelector(".ap-stop")?.hasAttribute("data-gone")).toBe(true);
    expect(el.querySelector<HTMLInputElement>(".ap-say-text")?.placeholder).toBe("The run has ended");
  });
});

describe("the timeline", () => {
  const bar = { id: "1", agent: "planner", start: 1, began: 1000, first: 3000, ended: 5000, end: 9, how: "finished", left: false } as const;
  const point = { id: "e", agent: "critic", offset: 4, at: 2000, what: "vote", how: "yes", told: "agrees to order" } as const;
  const then = state({ agents: two.agents, turns: [turn("1", { text: "On" })] });

  function looks(kernel: Kernel): number[] {
    return kernel.sent.flatMap((message) => (message.kind === "look" ? [message.at] : []));
  }
  function key(name: string): void {
    el.querySelector(".ap-track")?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
    vi.advanceTimersToNextFrame();
  }
  function timed(): Kernel {
    const kernel = new Kernel();
    open(kernel);
    kernel.says({ ...two, run: run({ status: "finished", started: 1000, finished: 11_000 }), bars: [bar], points: [point] });
    return kernel;
  }

  it("has a bar for each attempt, on its agent's row, and points for what happened", () => {
    const kernel = timed();
    const drawn = el.querySelector<HTMLElement>(".ap-row[data-agent='planner'] .ap-bar-turn");
    expect(drawn?.title).toBe("planner#1: finished, 4.0 s, first token after 2.0 s");
    const seconds = ["from", "said", "took"].map((name) => drawn?.style.getPropertyValue(`--ap-${name}`));
    expect(seconds).toEqual(["0.000", "2.000", "4.000"]);
    expect(el.querySelector<HTMLElement>(".ap-row[data-agent='critic'] .ap-point")?.style.getPropertyValue("--ap-from")).toBe("1.000");
    kernel.says(patch(1, { bars: [{ ...bar, left: true }] }));
    expect(drawn?.title).toContain("on a line that was left");
    expect(el.querySelectorAll(".ap-bar-turn")).toHaveLength(1);
  });

  it("shows everything as it was at the moment that is pointed at, and comes back", () => {
    const kernel = timed();
    key("ArrowLeft");
    expect(looks(kernel)).toEqual([10_800]);
    const asked = kernel.sent.at(-1);
    if (asked?.kind !== "look") throw new Error("no question");
    kernel.says({ kind: "then", view: "another", at: 10_800, offset: 4, state: then });
    expect(shown(".ap-turn-text")).toBe("One");
    key("ArrowLeft"); // one question is on its way: this one waits
    expect(looks(kernel)).toEqual([10_800]);
    kernel.says({ kind: "then", view: asked.view, at: 10_800, offset: 4, state: then });
    expect([shown(".ap-turn-text"), shown(".ap-then-told")]).toEqual(["On", "As of 9.8 s (offset 4)"]);
    expect(looks(kernel)).toEqual([10_800, 10_600]);
    expect([...el.querySelectorAll(".ap-act")].map((each) => each.getAttribute("aria-label"))).toEqual(["Roll back here (offset 4)", "Branch here (offset 4)", "Compare with now (offset 4)"]);
    kernel.says(patch(1, { append: [{ turn: "1", at: 3, text: " two" }] }));
    expect(shown(".ap-turn-text")).toBe("On");
    key("Escape");
    expect(shown(".ap-turn-text")).toBe("One two");
    kernel.says({ kind: "then", view: asked.view, at: 10_600, offset: 3, state: then });
    expect(shown(".ap-turn-text")).toBe("One two");
  });

  it("names the files that there were", () => {
    const kernel = timed();
    expect(shown(".ap-files")).toBeNull();
    const plan = { path: "plan.md", version: 2, size: 1200, agent: "planner" };
    kernel.says(patch(1, { files: [plan, { path: "old.md", version: 1, size: 9, agent: "critic" }] }));
    kernel.says(patch(2, { files: [{ path: "old.md", version: 2, size: null, agent: "critic" }] }));
    expect(shown(".ap-files")).toBe("Files: plan.md v2");
    key("ArrowLeft");
    const asked = kernel.sent.at(-1);
    if (asked?.kind !== "look") throw new Error("no question");
    kernel.says({ kind: "then", view: asked.view, at: asked.at, offset: 4, state: { ...then, files: [{ ...plan, version: 1 }] } });
    expect(shown(".ap-files")).toBe("Files: plan.md v1");
    key("Escape");
    expect(shown(".ap-files")).toBe("Files: plan.md v2");
  });

  it("takes turns from what is there, where they were then as they are now", () => {
    const kernel = timed();
    key("ArrowLeft");
    const asked = kernel.sent.at(-1);
    if (asked?.kind !== "look") throw new Error("no question");
    kernel.says({ kind: "then", view: asked.view, at: asked.at, offset: 4, state: { ...then, turns: [turn("2", { text: "Two" })] }, same: ["1", "gone"] });
    expect([...el.querySelectorAll(".ap-turn-text")].map((each) => each.textContent)).toEqual(["One", "Two"]);
  });
});

describe("what is done at a moment", () => {
  const bar = { id: "1", agent: "planner", start: 1, began: 1000, first: 3000, ended: 5000, end: 9, how: "finished", left: false } as const;
  const ended = { ...two, run: run({ status: "finished", started: 1000, finished: 11_000 }), bars: [bar] };

  /** A view that looks at offset 4. */
  function looking(): { kernel: Kernel; view: string } {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(ended);
    el.querySelector(".ap-track")?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    const asked = kernel.sent.at(-1);
    if (asked?.kind !== "look") throw new Error("no question");
    kernel.says({ kind: "then", view: asked.view, at: asked.at, offset: 4, state: two });
    return { kernel, view: asked.view };
  }
  function acts(kernel: Kernel): ToKernel[] {
    return kernel.sent.filter((message) => message.kind === "act");
  }
  const outcome = { kind: "outcome", action: "rollback", at: "4", told: "2 turns would leave", effects: ["order(): done"], html: "<p>now</p>", asks: true, failed: false };

  it("is asked first where it is a rollback, and done once a person is sure", () => {
    const { kernel, view } = looking();
    press("[data-action='rollback']");
    const wish = { kind: "act", view, action: "rollback", at: "4", name: "" };
    expect(acts(kernel)).toEqual([{ ...wish, sure: false }]);
    kernel.says({ ...outcome, view: "another" });
    expect(shown(".ap-sure")).toBeNull();
    kernel.says({ ...outcome, view });
    expect(shown(".ap-outcome-told")).toBe("Roll back to 4? 2 turns would leave.");
    expect(shown(".ap-outcome-effects")).toContain("Cannot be undone, because it happened outside the pool:order(): done");
    expect(document.activeElement).toBe(el.querySelector(".ap-outcome"));
    press(".ap-sure");
    expect(acts(kernel)).toEqual([{ ...wish, sure: false }, { ...wish, sure: true }]);
    expect(shown(".ap-sure")).toBeNull();
    kernel.says({ ...outcome, view, told: "rolled back: the head is on the new branch 'main-2'", asks: false });
    expect(shown(".ap-outcome-told")).toBe("rolled back: the head is on the new branch 'main-2'");
    press(".ap-outcome .ap-close");
    expect(shown(".ap-outcome")).toBeNull();
    expect(document.activeElement).toBe(el.querySelector("[data-action='rollback']"));
  });

  it("is left alone where the question is", () => {
    const { kernel, view } = looking();
    press("[data-action='rollback']");
    kernel.says({ ...outcome, view });
    el.querySelector(".ap-outcome")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(shown(".ap-outcome")).toBeNull();
    expect(acts(kernel)).toHaveLength(1);
  });

  it("gives a branch its name, or none", () => {
    const { kernel, view } = looking();
    press("[data-action='branch']");
    const name = el.querySelector<HTMLInputElement>(".ap-branch-name");
    if (name === null) throw new Error("no line");
    expect(document.activeElement).toBe(name);
    name.value = " idea ";
    press(".ap-outcome .ap-sure");
    expect(acts(kernel)).toEqual([{ kind: "act", view, action: "branch", at: "4", name: "idea", sure: false }]);
    kernel.says({ ...outcome, view, action: "branch", told: "'idea' is taken: choose another name", effects: [], html: "", asks: false, failed: true });
    expect(shown(".ap-outcome[data-failed] .ap-outcome-told")).toBe("'idea' is taken: choose another name");
  });

  it("is a comparison in what the kernel has rendered, of which only text and looks are taken", () => {
    const { kernel, view } = looking();
    press("[data-action='diff']");
    const html = `<div class="agentpool-diff" style="line-height:1.45" onclick="x()"><ins style="background:url(//x)">came</ins><script>x()</script><img src="//x"><a href="javascript:x()">on</a></div>`;
    kernel.says({ ...outcome, view, action: "diff", told: "4 → now: 1 added", effects: [], html, asks: false });
    expect(el.querySelector(".ap-markup")?.innerHTML).toBe('<div class="agentpool-diff" style="line-height:1.45"><ins>came</ins><a>on</a></div>');
  });

  it("is a command to copy where there is no kernel", () => {
    const kernel = new Kernel(JSON.stringify(ended));
    kernel.broken = true;
    open(kernel);
    vi.advanceTimersToNextFrame();
    el.querySelector(".ap-track")?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    vi.advanceTimersToNextFrame();
    expect(el.querySelector(".ap-act")).toBeNull();
    expect([...el.querySelectorAll(".ap-command")].map((each) => each.textContent)).toEqual(["%rollback 9", "%branch idea 9", "%diff 9"]);
    expect(shown(".ap-then-told")).toBe("As of 9.8 s (offset 9)");
  });
});

describe("what is looked at", () => {
  const said = state({
    agents: [agent("planner"), agent("critic")],
    turns: [
      turn("1", { text: "The **lease** first.", status: "finished" }),
      turn("2", { text: "It costs too much.", agent: "critic", name: "critic#1", status: "finished" }),
      turn("3", { text: "Then the oven.", status: "finished" }),
    ],
  });

  function names(): (string | null)[] {
    return [...el.querySelectorAll(".ap-document .ap-turn")].map((each) => each.getAttribute("data-turn"));
  }
  function search(text: string): void {
    const line = el.querySelector<HTMLInputElement>(".ap-search");
    if (line === null) throw new Error("no line");
    line.value = text;
    line.dispatchEvent(new Event("input"));
  }

  it("is what was searched for, wherever a key is pressed", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(said);
    press(".ap-show-document");
    const slash = new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true });
    el.querySelector(".ap-document-text")?.dispatchEvent(slash);
    expect([slash.defaultPrevented, document.activeElement?.className]).toEqual([true, "ap-search"]);
    search("COSTS ");
    expect([names(), shown(".ap-found")]).toEqual([["critic#1"], "1 of 3 turns"]);
    kernel.says(patch(1, { turns: [turn("4")], append: [{ turn: "4", at: 0, text: "Oven costs: 900" }] }));
    expect([names(), shown(".ap-found")]).toEqual([["critic#1", "planner#4"], "2 of 4 turns"]);
    el.querySelector(".ap-search")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect([names(), shown(".ap-found")]).toEqual([["planner#1", "critic#1", "planner#3", "planner#4"], ""]);
  });

  it("is of the agents that were chosen, in lanes and document", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(said);
    press("[data-name='planner']");
    expect([...el.querySelectorAll(".ap-lane")].map((lane) => lane.getAttribute("data-agent"))).toEqual(["critic"]);
    press(".ap-show-document");
    expect(names()).toEqual(["critic#1"]);
    press("[data-name='planner']");
    expect(names()).toHaveLength(3);
  });

  it("is copied as Markdown, a turn or all of it", async () => {
    const written = vi.fn((_text: string) => Promise.resolve());
    Object.defineProperty(navigator, "clipboard", { value: { writeText: written }, configurable: true });
    const kernel = new Kernel();
    open(kernel);
    kernel.says(said);
    press(".ap-turn .ap-copy");
    press("[data-name='planner']");
    press(".ap-switch .ap-copy");
    press("[data-name='planner']");
    press(".ap-switch .ap-copy");
    await vi.advanceTimersByTimeAsync(0);
    const all = "### planner#1\n\nThe **lease** first.\n\n### critic#1\n\nIt costs too much.\n\n### planner#3\n\nThen the oven.";
    expect(written.mock.calls.map(([text]) => text)).toEqual(["The **lease** first.", "It costs too much.", all]);
  });
});

describe("code", () => {
  it("is copied by its button, which says so for a while", async () => {
    const written = vi.fn(() => Promise.resolve());
    Object.defineProperty(navigator, "clipboard", { value: { writeText: written }, configurable: true });
    const kernel = new Kernel();
    open(kernel);
    kernel.says(state({ turns: [turn("1", { text: "So:\n\n```python\nx = 1\n```", status: "finished" })] }));
    press(".ap-code .ap-copy");
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toHaveBeenCalledWith("x = 1\n");
    expect(shown(".ap-code .ap-copy")).toBe("copied");
    await vi.advanceTimersByTimeAsync(2000);
    expect(shown(".ap-code .ap-copy")).toBe("copy");
  });

  it("asks about a turn that is clicked, shows what it is told, and lets go with Escape", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(state({ turns: [turn("1", { text: "One **and** $5", status: "finished" })] }));
    expect(shown(".ap-card-title")).toBeNull();
    press(".ap-turn-name");
    const asked = kernel.sent.at(-1) as unknown as { view: string };
    expect(asked).toEqual({ kind: "ask", view: asked.view, turn: "1", about: "card", text: "", prompt: null });
    expect([shown(".ap-card-title"), shown(".ap-card-note")]).toEqual(["planner#1", "Reading the log …"]);
    kernel.says({ kind: "card", view: "another's", turn: "1", head: "", cost: 7 });
    expect(shown(".ap-card-note")).toBe("Reading the log …");
    const messages = [{ role: "system", text: "  <b>$5</b>\n" }];
    kernel.says({ kind: "card", view: asked.view, turn: "1", prompts: [{ offset: 1, messages }], errors: ["the connection broke"] });
    expect(el.querySelector(".ap-prompt-message pre")?.textContent).toBe("  <b>$5</b>\n");
    expect(el.querySelector(".ap-card [data-part='said'] strong")?.textContent).toBe("and");
    expect(shown(".ap-card [data-part='errors'] li")).toBe("the connection broke");
    el.querySelector(".ap-card-title")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect([shown(".ap-card-title"), el.querySelector("[data-picked]")]).toEqual([null, null]);
  });

  it("selects the attempt that counts when the selected one is tried again", () => {
    const kernel = new Kernel();
    open(kernel);
    kernel.says(state({ turns: [turn("1")], bars: [bar("1", { how: "running" })] }));
    press(".ap-turn-name");
    kernel.says(patch(1, { drops: ["1"], bars: [bar("1", { how: "again" })] }));
    expect(shown(".ap-card-title")).toBeNull();
    kernel.says(patch(2, { turns: [turn("4", { name: "planner#1" })], bars: [bar("4", { how: "running" })] }));
    expect([shown(".ap-card-title"), el.querySelector(".ap-turn[data-picked]")?.getAttribute("data-id")]).toEqual(["planner#1", "4"]);
  });
});
