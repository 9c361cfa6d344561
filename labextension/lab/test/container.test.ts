import { expect, test } from "vitest";
import { chosen } from "../src/container";

const offer = { get: () => () => ({}) };

test("of several versions of a shared package the one in use is taken, else the newest", () => {
  expect(chosen({ "6.4.0": offer, "6.10.1": offer })).toBe("6.10.1");
  expect(chosen({ "6.4.0": { ...offer, loaded: 1 }, "6.10.1": offer })).toBe("6.4.0");
  expect(chosen({})).toBeUndefined();
});

test("the container is where JupyterLab looks for it", () => {
  const all = (globalThis as unknown as { _JUPYTERLAB: Record<string, { init: unknown; get: unknown }> })._JUPYTERLAB;
  expect(Object.keys(all["agentpool-jupyter"] ?? {})).toEqual(["init", "get"]);
});
