// The agent graph as data: who listens to whom and how much flowed, and where each node stands.

import type { Cast } from "./cast";
import { count } from "./format";
import type { Model } from "./store";
import { edgeKey } from "./store";

/** Above so many members labels stand outside the ring, turned like spokes. */
export const CROWD = 12;
/** More edges than this say nothing: the heaviest are drawn. */
const MOST_EDGES = 160;
/** More labels than this cover one another. */
const MOST_LABELS = 12;
/** Room for labels around the ring, in pixels: sideways and above and below. */
const MARGIN = { few: { x: 70, y: 34 }, crowd: { x: 84, y: 78 } };

export interface Link {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly chars: number;
  /** Pixels. */
  readonly width: number;
  readonly label: string;
}

export interface Place {
  readonly x: number;
  readonly y: number;
  /** Direction outwards in radians; 0 is right, and it grows clockwise as y does. */
  readonly angle: number;
}

/** Finds the edges to draw, heaviest last so that they lie on top. */
export function links(model: Model, cast: Cast): Link[] {
  const flows = new Map<string, { source: string; target: string; chars: number }>();
  for (const { agent } of cast.values()) {
    // All pairs of a crowd say nothing: of those, only what flowed is drawn.
    const everyone = cast.size > CROWD ? [] : [...cast.values()].filter((other) => other.agent.kind !== "person" && other.agent.name !== agent.name).map((other) => other.agent.name);
    for (const source of agent.listens ?? everyone) flows.set(edgeKey(source, agent.name), { source, target: agent.name, chars: 0 });
  }
  for (const [key, edge] of model.edges) flows.set(key, edge);
  const known = [...flows.entries()].filter(([, { source, target }]) => cast.has(source) && cast.has(target));
  const drawn = known.sort(([, a], [, b]) => a.chars - b.chars).slice(-MOST_EDGES);
  const heaviest = Math.max(1, ...drawn.map(([, edge]) => edge.chars));
  return drawn.map(([id, { source, target, chars }]) => ({
    id,
    source,
    target,
    chars,
    // A square root: twice the width looks like four times the ink.
    width: chars === 0 ? 1 : 1.2 + 3.8 * Math.sqrt(chars / heaviest),
    label: chars > 0 && drawn.length <= MOST_LABELS ? `${count(chars)} chars` : "",
  }));
}

/** Puts the names on an ellipse that fills a box, evenly along its edge, clockwise from the top. */
export function ring(names: readonly string[], width: number, height: number): Map<string, Place> {
  const margin = names.length > CROWD ? MARGIN.crowd : MARGIN.few;
  const [a, b] = [Math.max(20, width / 2 - margin.x), Math.max(16, height / 2 - margin.y)];
  const places = new Map<string, Place>();
  const steps = arcs(names.length, a, b);
  for (const [index, name] of names.entries()) {
    const t = steps[index] ?? 0;
    // The ellipse's normal, so that labels stand straight on its edge.
    const angle = Math.atan2(Math.sin(t) / b, Math.cos(t) / a);
    places.set(name, { x: width / 2 + a * Math.cos(t), y: height / 2 + b * Math.sin(t), angle });
  }
  return places;
}

/**
 * Parameters of points that divide an ellipse's edge into equal lengths, measured along a fine polygon.
 *
 * An odd number begins at the top; an even one beside it, so that both are symmetric; two stand side by side.
 */
function arcs(points: number, a: number, b: number): number[] {
  const fine = 720;
  const top = -Math.PI / 2;
  const at = (step: number): number => top + (2 * Math.PI * step) / fine;
  const lengths = [0];
  for (let step = 1; step <= fine; step++) {
    const [from, to] = [at(step - 1), at(step)];
    const side = Math.hypot(a * (Math.cos(to) - Math.cos(from)), b * (Math.sin(to) - Math.sin(from)));
    lengths.push((lengths[step - 1] ?? 0) + side);
  }
  const total = lengths[fine] ?? 1;
  const shift = points % 2 === 0 ? -0.5 : 0;
  return Array.from({ length: points }, (_, index) => {
    const wanted = (((index + shift + points) % points) * total) / points;
    return at(lengths.findIndex((length) => length >= wanted - 1e-9));
  });
}
