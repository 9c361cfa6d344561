import { describe, expect, it } from "vitest";

import { mark } from "../src/palette";
import { PAGE, TurnList } from "../src/turns";
import type { TurnView } from "../src/wire";
import { turn } from "./fixtures";

function listed(turns: readonly TurnView[], list = new TurnList("ap-lane-text", "text")): TurnList {
  const byId = new Map(turns.map((each) => [each.id, each]));
  list.update([...byId.keys()], { turn: (id) => byId.get(id), mark: () => mark(0) });
  return list;
}

function texts(list: TurnList): (string | null)[] {
  return [...list.root.querySelectorAll(".ap-turn-text")].map((each) => each.textContent);
}

describe("a list of turns", () => {
  it("appends to the text node that is there", () => {
    const list = listed([turn("1", { text: "One" })]);
    const node = list.root.querySelector(".ap-turn-text")?.firstChild;
    listed([turn("1", { text: "One two" })], list);
    expect(texts(list)).toEqual(["One two"]);
    expect(list.root.querySelector(".ap-turn-text")?.firstChild).toBe(node);
  });

  it("shows markup in text, names and notes as text", () => {
    const evil = "<img src=x onerror=alert(1)><script>alert(1)</script>";
    const list = listed([turn("1", { text: evil, name: evil, note: evil, status: "failed" })]);
    expect(texts(list)).toEqual([evil]);
    expect(list.root.querySelectorAll("img, script")).toHaveLength(0);
    expect(list.root.querySelector(".ap-turn-note")?.textContent).toBe(`failed: ${evil}`);
  });

  it("shows what became of the calls that a turn made, as text", () => {
    const evil = "<img src=x onerror=alert(1)>";
    const call = { id: "p", what: `mail(${evil})`, status: "running", answer: "", output: "" };
    const list = listed([turn("1", { calls: [call] })]);
    const box = list.root.querySelector(".ap-call");
    expect([...list.root.querySelectorAll<HTMLElement>(".ap-call pre")].map((each) => each.hidden)).toEqual([true, true]);
    listed([turn("1", { calls: [{ ...call, status: "done", answer: "5", output: evil }] })], list);
    expect(list.root.querySelector(".ap-call")).toBe(box);
    expect(box?.getAttribute("data-status")).toBe("done");
    expect(box?.querySelector("summary")?.textContent).toBe(`mail(${evil}) done`);
    expect([...list.root.querySelectorAll(".ap-call pre")].map((each) => each.textContent)).toEqual(["5", evil]);
    expect(list.root.querySelectorAll("img")).toHaveLength(0);
  });

  it("marks turns that failed or were cancelled", () => {
    const list = listed([turn("1", { status: "failed", note: "429" }), turn("2", { status: "cancelled" })]);
    const notes = [...list.root.querySelectorAll(".ap-turn")].map((each) => [
      each.getAttribute("data-status"),
      each.querySelector(".ap-turn-note")?.textContent,
    ]);
    expect(notes).toEqual([["failed", "failed: 429"], ["cancelled", "stopped"]]);
  });

  it("puts a turn in its place and takes one away without touching the others", () => {
    const list = listed([turn("1", { text: "a" }), turn("3", { text: "c" })]);
    const first = list.root.querySelector(".ap-turn");
    listed([turn("1", { text: "a" }), turn("2", { text: "b" }), turn("3", { text: "c" })], list);
    expect(texts(list)).toEqual(["a", "b", "c"]);
    listed([turn("1", { text: "a" }), turn("3", { text: "c" })], list);
    expect(texts(list)).toEqual(["a", "c"]);
    expect(list.root.querySelector(".ap-turn")).toBe(first);
  });

  it("marks where what is new begins for a reader who was elsewhere, until they leave again", () => {
    const [one, two, three, four] = ["1", "2", "3", "4"].map((id) => turn(id, { text: id, status: "finished" }));
    if (!one || !two || !three || !four) throw new Error("no turns");
    const list = new TurnList("ap-lane-text", "text");
    const look = (turns: TurnView[], looked: boolean): (string | null)[] => {
      const byId = new Map(turns.map((each) => [each.id, each]));
      list.update([...byId.keys()], { turn: (id) => byId.get(id), mark: () => mark(0) }, looked);
      return [...list.root.querySelectorAll("[data-new]")].map((each) => each.getAttribute("data-turn"));
    };
    expect(look([one], false)).toEqual([]);
    expect(look([one, two], false)).toEqual(["planner#2"]);
    expect(look([one, two, three], false)).toEqual(["planner#2"]);
    expect(list.tail.button.textContent).toBe("↓ 2 new");
    expect(look([one, two, three], true)).toEqual(["planner#2"]);
    expect(look([one, two, three], false)).toEqual([]);
    expect(look([one, two, three, four], false)).toEqual(["planner#4"]);
  });

  it("holds the last turns only, and more of them on request", () => {
    const many = Array.from({ length: PAGE + 15 }, (_, index) => turn(String(index + 1), { text: String(index), status: "finished" }));
    const list = listed(many);
    const button = list.root.querySelector<HTMLButtonElement>(".ap-earlier");
    expect(texts(list)).toHaveLength(PAGE);
    expect(texts(list).at(-1)).toBe(String(PAGE + 14));
    expect(button?.textContent).toBe("show earlier (15)");
    button?.click();
    expect(texts(list)).toHaveLength(PAGE + 15);
    expect(texts(list)[0]).toBe("0");
    expect(button?.hidden).toBe(true);
  });

  it("brings earlier turns as its reader goes up, and takes none from above them while they read there", () => {
    const many = Array.from({ length: 3 * PAGE }, (_, index) => turn(String(index + 1), { text: String(index), status: "finished" }));
    const list = listed(many.slice(0, -1));
    Object.defineProperties(list.root, { clientHeight: { value: 300 }, scrollHeight: { value: 9_000 } });
    const scroll = (top: number): void => {
      list.root.scrollTop = top;
      list.root.dispatchEvent(new Event("scroll"));
    };
    scroll(5_000);
    expect(texts(list)).toHaveLength(PAGE);
    scroll(200);
    expect(texts(list)).toHaveLength(2 * PAGE);
    listed(many, list);
    expect(texts(list)).toHaveLength(2 * PAGE + 1);
  });
});
