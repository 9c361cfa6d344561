// When who spoke: each attempt a bar on its agent's row, from its start by its first token to its end, and what happened
// between. Where one points, everything else is shown as it was then.
//
// Bars and points hold their seconds, and the style sheet places them: as time goes on one number changes (`--ap-unit`,
// how wide a second is), and a bar is touched only when something of it is new.

import { Actions, type Wish } from "./actions";
import type { Cast } from "./cast";
import { element, setAttribute, setText } from "./dom";
import { clock, exact } from "./format";
import type { Selected } from "./selection";
import type { Scene } from "./session";
import type { Model } from "./store";
import type { BarView, PointView } from "./wire";

const ENDS: Record<BarView["how"], string> = {
  running: "still speaking", finished: "finished", failed: "failed", cancelled: "stopped",
  again: "broken off, and begun again", lost: "lost with its process",
};
/** How often the time that goes on is drawn: of a long run, once it is so much longer as a share of the whole. */
const REDRAW_MS = 500;
const LONGER = 1 / 250;
/** Pixels from which on a press that moves is a drag. */
const DRAG = 4;
/** A key goes so far, as a share of the whole. */
const STEP = 0.02;
/** So many files are named. */
const FILES = 12;

export class Timeline {
  readonly root: HTMLElement;
  private readonly rows = element("div", { class: "ap-rows" });
  private readonly across = element("div", { class: "ap-across" });
  private readonly cursor = element("div", { class: "ap-cursor", hidden: "" });
  private readonly track: HTMLElement;
  private readonly told = element("span", { class: "ap-then-told", role: "status" });
  private readonly now = element("button", { type: "button", class: "ap-now" }, "back to now");
  private readonly actions: Actions;
  private readonly then: HTMLElement;
  private readonly files = element("div", { class: "ap-files", "data-testid": "files", hidden: "" });
  private listed: Model["files"] = new Map();
  private readonly lanes = new Map<string, HTMLElement>();
  private readonly bars = new Map<string, { box: HTMLElement; view: BarView }>();
  private readonly points = new Map<string, { box: HTMLElement; view: PointView }>();
  private drawn: Pick<Model, "bars" | "points"> = { bars: new Map(), points: new Map() };
  private span = { start: 0, end: 1000 };
  /** The last moment of which anything is known. */
  private last = 0;
  private live = false;
  private started = -1;
  private stretched = 0;
  private at: number | null = null;
  /** Where a bar was pressed: a click selects its turn, and only a drag goes to another moment. */
  private pressed: number | null = null;
  private selected: string | null = null;

  /**
   * `look` is called with the moment that is pointed at, in milliseconds since the epoch; null is now. `act` asks for
   * something to be done there.
   */
  constructor(
    private readonly look: (at: number | null) => void,
    act: (wish: Wish) => boolean,
  ) {
    this.actions = new Actions(act);
    this.then = element("div", { class: "ap-then" }, this.told, this.actions.root, this.now);
    this.track = element(
      "div",
      {
        class: "ap-track", tabindex: "0", role: "slider", "aria-label": "Moment that is looked at",
        "aria-valuemin": "0", "aria-valuenow": "0", "data-testid": "timeline",
      },
      this.rows, this.across,
    );
    this.across.append(this.cursor);
    this.root = element("div", { class: "ap-timeline" }, this.track, this.then, this.files, this.actions.panel);
    this.track.addEventListener("pointerdown", this.grab);
    this.track.addEventListener("pointermove", this.drag);
    this.track.addEventListener("keydown", this.key);
    this.now.addEventListener("click", this.back);
  }

  update(model: Model, cast: Cast, atWork: boolean, { link, then, outcome }: Pick<Scene, "link" | "then" | "outcome">): void {
    const live = atWork && link === "live";
    const connected = link === "live" || link === "waiting";
    const place = then ?? (connected || this.at === null ? null : { at: this.at, offset: lastBefore(model, this.at) });
    this.tell(place);
    setAttribute(this.then, "aria-busy", connected && this.at !== null && then?.at !== this.at ? "true" : null);
    this.actions.update(place === null ? null : String(place.offset), connected, outcome);
    this.list((then?.model ?? model).files);
    this.row(cast);
    const moved = this.started !== model.run.started || this.live !== live;
    this.started = model.run.started;
    this.live = live;
    if (moved || this.drawn.bars !== model.bars) for (const bar of model.bars.values()) this.bar(bar, model, moved);
    if (moved || this.drawn.points !== model.points) for (const point of model.points.values()) this.point(point, live ? Infinity : (model.run.finished ?? Infinity), moved);
    this.drawn = model;
    if (!moved && Date.now() - this.stretched < Math.max(REDRAW_MS, LONGER * (this.span.end - this.span.start))) return;
    this.stretched = Date.now();
    this.span = { start: model.run.started, end: Math.max(model.run.started + 1000, live ? Date.now() : (model.run.finished ?? this.last)) };
    this.track.style.setProperty("--ap-unit", `100% / ${(this.span.end - this.span.start) / 1000}`);
    setAttribute(this.track, "aria-valuemax", String(Math.round((this.span.end - this.span.start) / 1000)));
    this.stand(this.at);
  }

  /** Marks the bar of the selected turn, and has its row in sight. */
  readonly select = (selected: Selected | null): void => {
    setAttribute(this.bars.get(this.selected ?? "")?.box ?? this.cursor, "data-picked", null);
    this.selected = selected?.turn ?? null;
    const box = this.bars.get(this.selected ?? "")?.box;
    if (box === undefined) return;
    setAttribute(box, "data-picked", "selected");
    const row = box.closest<HTMLElement>(".ap-row");
    if (row !== null && (row.offsetTop < this.track.scrollTop || row.offsetTop + row.offsetHeight > this.track.scrollTop + this.track.clientHeight)) this.track.scrollTop = row.offsetTop;
  };

  close(): void {
    this.track.removeEventListener("pointerdown", this.grab);
    this.track.removeEventListener("pointermove", this.drag);
    this.track.removeEventListener("keydown", this.key);
    this.now.removeEventListener("click", this.back);
    this.actions.close();
  }

  /** The files that there were at the moment that is looked at. */
  private list(files: Model["files"]): void {
    if (files === this.listed) return;
    this.listed = files;
    const all = [...files.values()].filter(({ size }) => size !== null).sort((a, b) => (a.path < b.path ? -1 : 1));
    const told = all.slice(0, FILES).map(({ path, version, size, agent }) =>
      element("span", { class: "ap-file", title: `${path}: version ${version} by ${agent}, ${exact(size ?? 0)} bytes` }, element("code", {}, path), ` v${version}`));
    const more = all.length > FILES ? [` and ${all.length - FILES} more`] : [];
    this.files.replaceChildren("Files: ", ...told, ...more);
    this.files.hidden = all.length === 0;
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

  private bar(view: BarView, model: Model, moved: boolean): void {
    const lane = this.lanes.get(view.agent);
    let known = this.bars.get(view.id);
    if (lane === undefined || (known?.view === view && !moved)) return;
    if (known === undefined) {
      known = { box: element("div", { class: "ap-bar-turn", "data-select": view.id }, element("div", { class: "ap-bar-waited" }), element("div", { class: "ap-bar-said" })), view };
      this.bars.set(view.id, known);
      lane.append(known.box);
    }
    known.view = view;
    const { box } = known;
    const sure = view.ended ?? view.first ?? view.began;
    this.last = Math.max(this.last, sure);
    setAttribute(box, "data-how", view.how);
    setAttribute(box, "data-left", view.left ? "" : null);
    setAttribute(box, "data-open", view.ended === null && this.live ? "" : null);
    box.style.setProperty("--ap-from", seconds(view.began - this.started));
    box.style.setProperty("--ap-said", seconds((view.first ?? sure) - view.began));
    box.style.setProperty("--ap-took", seconds(sure - view.began));
    setAttribute(box, "data-said", view.first === null ? null : "");
    const name = model.turns.get(view.id)?.name ?? view.agent;
    const took = view.ended === null ? "" : `, ${((view.ended - view.began) / 1000).toFixed(1)} s`;
    const first = view.first === null ? "no token yet" : `first token after ${((view.first - view.began) / 1000).toFixed(1)} s`;
    setAttribute(box, "title", `${name}: ${ENDS[view.how]}${took}, ${first}${view.left ? "; on a line that was left" : ""}`);
  }

  /** What was done to the history after the run stands at its end. */
  private point(view: PointView, end: number, moved: boolean): void {
    let known = this.points.get(view.id);
    if (known !== undefined && !moved) return;
    if (known === undefined) {
      known = { box: element("div", { class: "ap-point", "data-what": view.what, "data-how": view.how, title: `${view.agent || "you"} ${view.told}` }), view };
      this.points.set(view.id, known);
      const lane = view.what === "fork" || view.what === "head" ? undefined : this.lanes.get(view.agent);
      (lane ?? this.across).append(known.box);
    }
    this.last = Math.max(this.last, Math.min(view.at, end));
    known.box.style.setProperty("--ap-from", seconds(Math.min(view.at, end) - this.started));
  }

  private tell(then: { readonly at: number; readonly offset: number } | null): void {
    setAttribute(this.then, "data-then", then === null ? null : "");
    if (then === null) {
      setText(this.told, "Point into the timeline to see how everything stood then.");
      return;
    }
    const since = then.at - this.span.start;
    setText(this.told, `As of ${since < 60_000 ? `${(since / 1000).toFixed(1)} s` : clock(since)} (offset ${then.offset})`);
  }

  private readonly grab = (event: PointerEvent): void => {
    const bar = event.target instanceof Element && event.target.closest("[data-select]") !== null;
    this.pressed = bar ? event.clientX : null;
    if (!bar) this.hold(event);
  };

  private readonly drag = (event: PointerEvent): void => {
    if (event.buttons % 2 === 0) this.pressed = null;
    else if (this.pressed !== null && Math.abs(event.clientX - this.pressed) > DRAG) this.hold(event);
    else if (this.track.hasPointerCapture?.(event.pointerId)) this.follow(event);
  };

  private hold(event: PointerEvent): void {
    this.pressed = null;
    this.track.setPointerCapture?.(event.pointerId);
    this.follow(event);
  }

  private follow(event: PointerEvent): void {
    const box = this.across.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    this.go(this.span.start + share * (this.span.end - this.span.start));
  }

  private readonly key = (event: KeyboardEvent): void => {
    const step = STEP * (this.span.end - this.span.start);
    const from = this.at ?? this.span.end;
    const to = { ArrowLeft: from - step, ArrowRight: from + step, Home: this.span.start, End: null, Escape: null }[event.key];
    if (to === undefined || (event.key === "Escape" && this.at === null)) return; // there is nothing to come back from
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
    const since = Math.round(((at ?? this.span.end) - this.span.start) / 1000);
    setAttribute(this.track, "aria-valuenow", String(since));
    setAttribute(this.track, "aria-valuetext", at === null ? "now" : clock(1000 * since));
    if (at !== null) this.cursor.style.setProperty("--ap-from", seconds(at - this.span.start));
  }
}

/** Without a kernel only beginnings and ends are known: the last of them before a moment. */
function lastBefore(model: Model, at: number): number {
  let last = 0;
  for (const bar of model.bars.values()) {
    if (bar.began <= at) last = Math.max(last, bar.start);
    if (bar.ended !== null && bar.end !== null && bar.ended <= at) last = Math.max(last, bar.end);
  }
  for (const point of model.points.values()) if (point.at <= at) last = Math.max(last, point.offset);
  return last;
}

/** For the style sheet; clocks of other machines may be behind. */
function seconds(ms: number): string {
  return (Math.max(0, ms) / 1000).toFixed(3);
}
