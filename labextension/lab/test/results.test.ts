// @vitest-environment jsdom
import { expect, test } from "vitest";

import { unfinished } from "../src/results";

const picture = (data: string): string => `<style>x</style><div class="agentpool-run-0123456789ab"${data}><div>so</div></div>`;

test("a picture from the midst of a run says which run it is of", () => {
  const html = picture(' data-pool="a &amp; &quot;b&quot;" data-run="r1"');
  expect(unfinished(html)).toEqual({ mark: "agentpool-run-0123456789ab", pool: 'a & "b"', run: "r1" });
});

test("that of an end, and what agents say in one, are none", () => {
  expect(unfinished(picture(""))).toBeNull();
  expect(unfinished("&lt;div class=&quot;agentpool-run-0123456789ab&quot; data-pool=&quot;b&quot;&gt;")).toBeNull();
  expect(unfinished("")).toBeNull();
});
