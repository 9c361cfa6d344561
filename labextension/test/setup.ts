// What browsers have and jsdom lacks: observers that never fire, as nothing has a size or a place here.
import { vi } from "vitest";

class Idle {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

vi.stubGlobal("ResizeObserver", Idle);
vi.stubGlobal("IntersectionObserver", Idle);
