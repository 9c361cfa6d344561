// One lane for each agent: who it is, how it does, and what it says.

import type { Cast, Member } from "./cast";
import { element, setAttribute, setText } from "./dom";
import { bounded, dollars, exact, taken } from "./format";
import { readingText, readingTitle } from "./reading";
import { NOBODY, underWay } from "./speaking";
import type { Selected } from "./selection";
import { TurnList, type Source } from "./turns";
import type { AgentView } from "./wire";

class Lane {
  readonly root: HTMLElement;
  readonly turns: TurnList;
  private readonly state = element("span", { class: "ap-chip" });
  private readonly model = element("span", { class: "ap-lane-model" });
  private readonly numbers = element("div", { class: "ap-lane-numbers" });
  private readonly read = element("div", { class: "ap-lane-read", hidden: "" });
  private readonly note = element("div", { class: "ap-lane-note", hidden: "" });
  private shown: AgentView | null = null;
  private speaking = NOBODY;

  constructor({ agent, mark }: Member) {
    this.turns = new TurnList("ap-lane-text", `What ${agent.name} says`);
    const swatch = element("span", { class: "ap-swatch", "data-shape": mark.shape, "aria-hidden": "true" });
    const name = element("h3", { class: "ap-lane-name" }, agent.name);
    this.root = element(
      "section",
      { class: "ap-lane", "data-agent": agent.name, "data-testid": `lane-${agent.name}`, "aria-label": agent.name },
      element(
        "header",
        { class: "ap-lane-head" },
        element("div", { class: "ap-lane-title" }, swatch, name, this.model, this.state),
        this.numbers,
        this.read,
        this.note,
      ),
      element("div", { class: "ap-lane-body" }, this.turns.root, this.turns.tail.button),
    );
    this.root.style.setProperty("--ap-colour", mark.colour);
  }

  update(member: Member, source: Source, looked: boolean): void {
    this.turns.update(member.turns, source, looked);
    const { agent } = member;
    const speaking = underWay(member.turns, source);
    if (agent === this.shown && speaking === this.speaking) return;
    this.shown = agent;
    this.speaking = speaking;
    setAttribute(this.root, "data-state", agent.state);
    setAttribute(this.root, "data-kind", agent.kind);
    setAttribute(this.root, "title", agent.role === "" ? null : agent.role);
    setText(this.state, agent.kind === "person" ? "" : agent.state);
    setText(this.model, agent.kind === "python" ? "python" : agent.model);
    setAttribute(this.model, "title", agent.model === "" ? null : agent.model);
    setText(this.numbers, agent.kind === "person" ? "" : numbersOf(agent, speaking));
    setAttribute(this.numbers, "title", agent.kind === "python" ? null : `${bounded(exact(agent.tokens), agent)} tokens`);
    const read = readingText(agent.reading);
    setText(this.read, read);
    setAttribute(this.read, "title", readingTitle(agent.reading));
    setAttribute(this.read, "hidden", read === "" ? "" : null);
    setText(this.note, agent.note);
    setAttribute(this.note, "hidden", agent.note === "" ? "" : null);
  }
}

/** So many lanes are drawn at once, whether or not they are in sight. */
const FEW = 12;
/** Of more that are out of sight so many are brought up to date together, and again after a while. */
const TOGETHER = 5;
const AGAIN_MS = 100;

/** All lanes, in the order of the cast. */
export class Lanes {
  readonly root = element("div", { class: "ap-lanes" });
  private readonly lanes = new Map<string, Lane>();
  /** Only lanes in sight are scrolled: measuring the others would lay out text that nobody sees. */
  private readonly sight = new IntersectionObserver((entries) => this.sighted(entries));
  private readonly inSight = new Set<Element>();
  private selected: Selected | null = null;
  /** What is not drawn yet of lanes out of sight, the one that waits longest first. */
  private readonly late = new Map<Lane, () => void>();
  private again: ReturnType<typeof setTimeout> | null = null;

  update(cast: Cast, source: Source): void {
    for (const [name, lane] of this.lanes) {
      if (!cast.has(name)) this.remove(name, lane);
    }
    for (const [name, member] of cast) {
      let lane = this.lanes.get(name);
      const soon = cast.size <= FEW || (lane === undefined && this.lanes.size < FEW);
      if (lane === undefined) {
        lane = new Lane(member);
        this.lanes.set(name, lane);
        lane.turns.select(this.selected);
        this.root.append(lane.root);
        this.sight.observe(lane.root);
      }
      const looked = this.inSight.has(lane.root);
      if (soon || looked) {
        this.late.delete(lane);
        lane.update(member, source, looked);
      } else {
        const waiting = lane;
        this.late.set(lane, () => waiting.update(member, source, false));
      }
    }
    if (this.late.size > 0) this.again ??= setTimeout(this.catchUp, AGAIN_MS);
    setAttribute(this.root, "data-size", sizeOf(cast.size));
    setAttribute(this.root, "data-lanes", String([...cast.values()].filter(({ agent }) => agent.kind !== "person").length));
    // After all the writing, so that the page is laid out once and not once for each lane.
    for (const lane of this.lanes.values()) if (this.inSight.has(lane.root)) lane.turns.tail.follow();
  }

  readonly select = (selected: Selected | null): void => {
    this.selected = selected;
    for (const lane of this.lanes.values()) lane.turns.select(selected);
  };

  /** Gives a turn's name the focus; false where it is not here. */
  focus(id: string): boolean {
    return [...this.lanes.values()].some((lane) => lane.turns.focus(id));
  }

  /** Call it when the lanes come back into sight. */
  restore(): void {
    for (const lane of this.lanes.values()) lane.turns.tail.restore();
  }

  close(): void {
    this.sight.disconnect();
    if (this.again !== null) clearTimeout(this.again);
    for (const [name, lane] of this.lanes) this.remove(name, lane);
  }

  private sighted(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      if (entry.isIntersecting) this.inSight.add(entry.target);
      else this.inSight.delete(entry.target);
    }
    for (const lane of this.lanes.values()) if (this.inSight.has(lane.root)) this.draw(lane);
    for (const lane of this.lanes.values()) if (this.inSight.has(lane.root)) lane.turns.tail.restore();
  }

  private readonly catchUp = (): void => {
    for (const lane of [...this.late.keys()].slice(0, TOGETHER)) this.draw(lane);
    this.again = this.late.size > 0 ? setTimeout(this.catchUp, AGAIN_MS) : null;
  };

  private draw(lane: Lane): void {
    this.late.get(lane)?.();
    this.late.delete(lane);
  }

  private remove(name: string, lane: Lane): void {
    lane.turns.close();
    this.late.delete(lane);
    this.sight.unobserve(lane.root);
    this.inSight.delete(lane.root);
    lane.root.remove();
    this.lanes.delete(name);
  }
}

/** Many lanes are lower, and scroll together. */
function sizeOf(lanes: number): string {
  if (lanes <= 4) return "few";
  return lanes <= 12 ? "some" : "many";
}

function numbersOf(agent: AgentView, speaking: number): string {
  const turn = agent.turns + (speaking === NOBODY ? 0 : 1);
  const parts = [`turn ${agent.turns_max === null ? turn : `${turn}/${agent.turns_max}`}`];
  if (agent.kind === "python") return parts.join(); // no model, no tokens
  parts.push(`${taken(agent.tokens, speaking, agent)} tokens`);
  if (agent.rate > 0) parts.push(`${agent.rate.toFixed(agent.rate < 10 ? 1 : 0)}/s`);
  if (agent.cost !== null) parts.push(bounded(dollars(agent.cost), agent));
  return parts.join(" · ");
}
