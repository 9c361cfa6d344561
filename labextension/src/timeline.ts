// When who spoke: each attempt a bar on its agent's row, from its start by its first token to its end, and what happened
// between. Where one points, everything else is shown as it was then.

import type { Cast } from "./cast";
import { element, setAttribute, setText } from "./dom";
import { clock } from "./format";
import type { Earlier } from "./session";
import type { Model } from "./store";
import type { BarView, PointView } from "./wire";

const ENDS: Record<BarView["how"], string> = {
  running: "still speaking", finished: "finished", failed: "failed", cancelled: "stopped",
  again: "broken off, and begun again", lost: "lost with its process",
};
/** How often a bar that still grows is drawn. */
const REDRAW_MS = 500;
/** A key goes so far, as a share of the whole. */
const STEP = 0.02;

export class Timeline {
  readonly root: HTMLElement;
  private readonly rows = element("div", { class: "ap-rows" });
  private readonly across = element("div", { class: "ap-across" });
  private readonly cursor = element("div", { class: "ap-cursor", hidden: "" });
  private readonly track: HTMLElement;
  private readonly told = element("span", { class: "ap-then-told" });
  private readonly now = element("button", { type: "button", class: "ap-now" }, "back to now");
  private readonly commands = element("span", { class: "ap-commands" });
  private readonly then = element("div", { class: "ap-then", role: "status" }, this.told, this.commands, this.now);
  private readonly lanes = new Map<string, HTMLElement>();
  private readonly bars = new Map<string, { box: HTMLElement; view: BarView }>();
  private readonly points = new Map<string, { box: HTMLElement; view: PointView }>();
  private latest: { model: Model; live: boolean } | null = null;
  private span = { start: 0, end: 1 };
  private drawn = 0;
  private at: number | null = null;

  /** `look` is called with the moment that is pointed at, in milliseconds since the epoch; null is now. */
  constructor(private readonly look: (at: number | null) => void) {
    this.track = element(
      "div",
      {
        class: "ap-track", tabindex: "0", role: "slider", "aria-label": "Moment that is looked at",
        "aria-valuemin": "0", "aria-valuenow": "0", "data-testid": "timeline",
      },
      this.rows, this.across,
    );
    this.across.append(this.cursor);
    this.root = element("div", { class: "ap-timeline" }, this.track, this.then);
    this.track.addEventListener("pointerdown", this.grab);
    this.track.addEventListener("pointermove", this.drag);
    this.track.addEventListener("keydown", this.key);
    this.now.addEventListener("click", this.back);
  }

  update(model: Model, cast: Cast, live: boolean, then: Earlier | null): void {
    this.tell(then);
    const grown = live && Date.now() - this.drawn > REDRAW_MS;
    const before = this.latest?.model;
    if (before?.bars === model.bars && before.points === model.points && before.agents === model.agents && !grown && this.latest?.live === live) return;
    this.latest = { model, live };
    this.drawn = Date.now();
    const start = model.run.started;
    const last = Math.max(start + 1000, ...[...model.bars.values()].map((bar) => bar.ended ?? bar.first ?? bar.began), ...[...model.points.values()].map((point) => point.at));
    this.span = { start, end: live ? Math.max(last, Date.now()) : (model.run.finished ?? last) };
    this.row(cast);
    for (const bar of model.bars.values()) this.bar(bar, model);
    for (const point of model.points.values()) this.point(point);
    this.track.setAttribute("aria-valuemax", String(Math.round((this.span.end - start) / 1000)));
    this.stand(this.at);
  }

  close(): void {
    this.track.removeEventListener("pointerdown", this.grab);
    this.track.removeEventListener("pointermove", this.drag);
    this.track.removeEventListener("keydown", this.key);
    this.now.removeEventListener("click", this.back);
  }

  private row(cast: Cast): void {
    for (const [name, { mark }] of cast) {
      if (this.lanes.has(name)) continue;
      const lane = element("div", { class: "ap-row-bars" });
      const row = element("div", { class: "ap-row", "data-agent": name }, element("span", { class: "ap-row-name", title: name }, name), lane);
      row.style.setProperty("--ap-colour", mark.colour);
      this.lanes.set(name, lane);
      this.rows.append(row);
    }
  }

  private bar(view: BarView, model: Model): void {
    const lane = this.lanes.get(view.agent);
    if (lane === undefined) return;
    let known = this.bars.get(view.id);
    if (known === undefined) {
      known = { box: element("div", { class: "ap-bar-turn" }, element("div", { class: "ap-bar-said" })), view };
      this.bars.set(view.id, known);
      lane.append(known.box);
    }
    known.view = view;
    const { box } = known;
    const end = view.ended ?? (this.latest?.live === true ? this.span.end : (view.first ?? view.began));
    setAttribute(box, "data-how", view.how);
    setAttribute(box, "data-left", view.left ? "" : null);
    box.style.left = this.share(view.began);
    box.style.width = `calc(${this.share(end)} - ${this.share(view.began)})`;
    const said = box.firstElementChild as HTMLElement;
    const waited = view.first === null ? 1 : (view.first - view.began) / Math.max(1, end - view.began);
    said.style.left = `${(100 * Math.min(1, Math.max(0, waited))).toFixed(2)}%`;
    const name = model.turns.get(view.id)?.name ?? view.agent;
    const took = `${((end - view.began) / 1000).toFixed(1)} s`;
    const first = view.first === null ? "no token yet" : `first token after ${((view.first - view.began) / 1000).toFixed(1)} s`;
    setAttribute(box, "title", `${name}: ${ENDS[view.how]}, ${took}, ${first}${view.left ? "; on a line that was left" : ""}`);
  }

  private point(view: PointView): void {
    let known = this.points.get(view.id);
    if (known === undefined) {
      known = { box: element("div", { class: "ap-point", "data-what": view.what, title: `${view.agent || "you"} ${view.told}` }), view };
      this.points.set(view.id, known);
      const lane = view.what === "fork" || view.what === "head" ? undefined : this.lanes.get(view.agent);
      (lane ?? this.across).append(known.box);
    }
    known.box.style.left = this.share(view.at);
  }

  /** Where on the track a moment is. */
  private share(at: number): string {
    const { start, end } = this.span;
    return `${((100 * Math.min(Math.max(at - start, 0), end - start)) / Math.max(1, end - start)).toFixed(3)}%`;
  }

  private tell(then: Earlier | null): void {
    setAttribute(this.then, "data-then", then === null ? null : "");
    if (then === null) {
      setText(this.told, "Point into the timeline to see how everything stood then.");
      this.commands.replaceChildren();
      return;
    }
    setText(this.told, `As of ${clock(then.at - this.span.start)} (offset ${then.offset})`);
    const offset = String(then.offset);
    if (this.commands.dataset["offset"] === offset && this.commands.childElementCount > 0) return;
    this.commands.dataset["offset"] = offset;
    const lines = [`%rollback ${offset}`, `%branch idea ${offset}`, `%diff ${offset}`];
    this.commands.replaceChildren(...lines.map((line) => element("button", { type: "button", class: "ap-copy ap-command", "data-text": line, title: `Copy ${line}` }, line)));
  }

  private readonly grab = (event: PointerEvent): void => {
    this.track.setPointerCapture?.(event.pointerId);
    this.follow(event);
  };

  private readonly drag = (event: PointerEvent): void => {
    if (event.buttons % 2 === 1 && this.track.hasPointerCapture?.(event.pointerId)) this.follow(event);
  };

  private follow(event: PointerEvent): void {
    const box = this.across.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    this.go(this.span.start + share * (this.span.end - this.span.start));
  }

  private readonly key = (event: KeyboardEvent): void => {
    const step = STEP * (this.span.end - this.span.start);
    const from = this.at ?? this.span.end;
    const to = { ArrowLeft: from - step, ArrowRight: from + step, Home: this.span.start, End: null, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (to === null || to >= this.span.end) this.back();
    else this.go(Math.max(this.span.start, to));
  };

  private readonly back = (): void => {
    this.stand(null);
    this.look(null);
  };

  private go(at: number): void {
    this.stand(Math.round(at));
    this.look(Math.round(at));
  }

  private stand(at: number | null): void {
    this.at = at;
    setAttribute(this.cursor, "hidden", at === null ? "" : null);
    const seconds = Math.round(((at ?? this.span.end) - this.span.start) / 1000);
    setAttribute(this.track, "aria-valuenow", String(seconds));
    setAttribute(this.track, "aria-valuetext", at === null ? "now" : clock(1000 * seconds));
    if (at !== null) this.cursor.style.left = this.share(at);
  }
}
