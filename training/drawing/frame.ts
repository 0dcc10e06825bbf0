import type { Shape } from "./raster.ts";

/** A point in a frame's units. */
export type Point = readonly [x: number, y: number];

/** Where a drawing's own coordinates lie in the picture. */
export type Frame = {
  /** Origin, pixels. */
  readonly x: number;
  readonly y: number;
  /** Pixels for one unit. */
  readonly scale: number;
  /** Clockwise, radians. */
  readonly rotation: number;
  /** 1, or -1 to face the other way. */
  readonly flip: 1 | -1;
};

/** The picture's point of a frame's point. */
const toPicture = (frame: Frame, [x, y]: Point): Point => {
  const [cos, sin] = [Math.cos(frame.rotation), Math.sin(frame.rotation)];
  const [u, v] = [x * frame.flip * frame.scale, y * frame.scale];
  return [frame.x + u * cos - v * sin, frame.y + u * sin + v * cos];
};

/** Makes the function that gives the frame's point of a picture's point. */
export const createInverse = (frame: Frame): ((x: number, y: number) => Point) => {
  // Every pixel of every shape passes through here: the angle's functions are computed once.
  const [cos, sin] = [
    Math.cos(frame.rotation) / frame.scale,
    Math.sin(frame.rotation) / frame.scale,
  ];
  const { x: left, y: top, flip } = frame;
  return function fromPicture(x, y) {
    const dx = x - left;
    const dy = y - top;
    return [(dx * cos + dy * sin) * flip, dy * cos - dx * sin];
  };
};

/** A frame at a point of another, turned and scaled with it. */
export const within = (frame: Frame, at: Point, scale = 1, rotation = 0): Frame => {
  const [x, y] = toPicture(frame, at);
  return {
    x,
    y,
    scale: frame.scale * scale,
    rotation: frame.rotation + rotation * frame.flip,
    flip: frame.flip,
  };
};

const boxAround = (points: readonly Point[], margin: number): Shape["bounds"] => {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [
    Math.min(...xs) - margin,
    Math.min(...ys) - margin,
    Math.max(...xs) + margin,
    Math.max(...ys) + margin,
  ];
};

/** An ellipse with its centre, radii and turn. The distance is exact for a circle and close near the edge otherwise. */
export const ellipse = (frame: Frame, centre: Point, radii: Point, rotation = 0): Shape => {
  const own = within(frame, centre, 1, rotation);
  const [rx, ry] = radii;
  const fromPicture = createInverse(own);
  const distance = (px: number, py: number): number => {
    const [x, y] = fromPicture(px, py);
    const inner = Math.sqrt((x / rx) ** 2 + (y / ry) ** 2);
    const slope = Math.sqrt((x / rx ** 2) ** 2 + (y / ry ** 2) ** 2);
    // First-order distance; at the centre, where the slope vanishes, the smaller radius.
    const units = slope < 1e-6 ? -Math.min(rx, ry) : (inner * (inner - 1)) / slope;
    return units * own.scale;
  };
  const reach = Math.max(rx, ry) * own.scale;
  return { distance, bounds: [own.x - reach, own.y - reach, own.x + reach, own.y + reach] };
};

/** A line through points, whose radius goes from the first to the last value: legs, tails, whiskers. */
export const stroke = (frame: Frame, points: readonly Point[], radii: Point): Shape => {
  const path = points.map((point) => toPicture(frame, point));
  const [from, to] = [radii[0] * frame.scale, radii[1] * frame.scale];
  const last = path.length - 1;
  const distance = (px: number, py: number): number => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < last; i++) {
      const [ax, ay] = path[i] as Point;
      const [bx, by] = path[i + 1] as Point;
      const dx = bx - ax;
      const dy = by - ay;
      const along = ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy);
      const t = Math.min(1, Math.max(0, along));
      const radius = from + ((to - from) * (i + t)) / last;
      const away = Math.sqrt((px - ax - t * dx) ** 2 + (py - ay - t * dy) ** 2);
      nearest = Math.min(nearest, away - radius);
    }
    return nearest;
  };
  return { distance, bounds: boxAround(path, Math.max(from, to)) };
};

/** A convex polygon with rounded corners: ears. */
export const polygon = (frame: Frame, points: readonly Point[], rounding: number): Shape => {
  const path = points.map((point) => toPicture(frame, point));
  const area = path.reduce((sum, [x, y], i) => {
    const [nx, ny] = path[(i + 1) % path.length] as Point;
    return sum + x * ny - nx * y;
  }, 0);
  const side = area > 0 ? 1 : -1;
  const round = rounding * frame.scale;
  const distance = (px: number, py: number): number => {
    let nearest = Number.POSITIVE_INFINITY;
    let outside = Number.NEGATIVE_INFINITY;
    for (const [i, [ax, ay]] of path.entries()) {
      const [bx, by] = path[(i + 1) % path.length] as Point;
      const dx = bx - ax;
      const dy = by - ay;
      const length2 = dx * dx + dy * dy;
      const t = Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / length2));
      nearest = Math.min(nearest, Math.sqrt((px - ax - t * dx) ** 2 + (py - ay - t * dy) ** 2));
      const across = (side * ((py - ay) * dx - (px - ax) * dy)) / Math.sqrt(length2);
      outside = Math.max(outside, -across);
    }
    return (outside > 0 ? nearest : -nearest) - round;
  };
  return { distance, bounds: boxAround(path, round) };
};

/** Points of a quadratic Bézier curve. */
export const curve = (from: Point, control: Point, to: Point, pieces = 8): Point[] =>
  Array.from({ length: pieces + 1 }, (_, i) => {
    const t = i / pieces;
    const [a, b, c] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2];
    return [
      a * from[0] + b * control[0] + c * to[0],
      a * from[1] + b * control[1] + c * to[1],
    ] as const;
  });
