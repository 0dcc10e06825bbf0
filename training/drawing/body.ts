import type { Random } from "../random.ts";
import type { Coat } from "./coat.ts";
import { curve, ellipse, type Frame, type Point, stroke, within } from "./frame.ts";
import { brighten, fillShape, type Picture } from "./raster.ts";

/** How the animal holds itself. */
export const POSES = ["portrait", "sitting", "standing", "lying"] as const;
export type Pose = (typeof POSES)[number];

/** What differs between the two animals' bodies. */
export type Build = {
  /** Thickness of a leg. */
  readonly leg: number;
  /** Length of the legs. */
  readonly height: number;
  /** Radii of the tail at its root and tip. */
  readonly tail: Point;
  /** Head's half width. */
  readonly head: number;
};

type Animal = { readonly coat: Coat; readonly build: Build; readonly random: Random };

/** Draws the body in a pose about the frame's origin, one unit being a body's half length; returns the head's frame. */
export const drawBody = (picture: Picture, frame: Frame, pose: Pose, animal: Animal): Frame => {
  const { coat, build, random } = animal;
  const fur = coat.paint(frame, coat.base);
  const part = (shape: Parameters<typeof fillShape>[1], shade = 0.4): void =>
    fillShape(picture, shape, fur, { shade, softness: 2 });
  const legs = (points: readonly (readonly [Point, Point])[], far: boolean): void => {
    const paint = coat.paint(frame, far ? brighten(coat.ends, 0.7) : coat.ends);
    for (const [hip, paw] of points) {
      fillShape(picture, stroke(frame, [hip, paw], [build.leg * 1.25, build.leg]), paint, {
        shade: 0.35,
      });
      const foot: Point = [paw[0] + build.leg * 0.5, paw[1] + build.leg * 0.3];
      fillShape(picture, ellipse(frame, foot, [build.leg * 1.4, build.leg * 0.8]), paint, {
        shade: 0.3,
      });
    }
  };
  const tail = (root: Point, bend: Point, end: Point): void =>
    fillShape(
      picture,
      stroke(frame, curve(root, bend, end), build.tail),
      coat.paint(frame, coat.ends),
      {
        shade: 0.35,
        softness: 2,
      },
    );
  const chest = (at: Point, radii: Point): void =>
    fillShape(picture, ellipse(frame, at, radii), coat.paint(frame, coat.light), {
      shade: 0.2,
      softness: 6,
    });

  switch (pose) {
    case "portrait":
      part(ellipse(frame, [0, 1.15], [0.95, 0.9]));
      chest([0, 1.1], [0.45, 0.6]);
      return within(frame, [0, 0], build.head * 1.55, random.between(-0.2, 0.2));
    case "sitting":
      tail([0.5, 0.95], [1.3, 1.1], [random.between(0.9, 1.3), random.between(0.1, 0.9)]);
      part(ellipse(frame, [0, 0.45], [0.62, 0.8]));
      part(ellipse(frame, [-0.42, 0.85], [0.34, 0.36]));
      part(ellipse(frame, [0.42, 0.85], [0.34, 0.36]));
      chest([0, 0.2], [0.3, 0.45]);
      legs(
        [
          [
            [-0.2, 0.3],
            [-0.2, 1.1],
          ],
          [
            [0.2, 0.3],
            [0.2, 1.1],
          ],
        ],
        false,
      );
      return within(frame, [0, -0.55], build.head, random.between(-0.25, 0.25));
    case "standing": {
      const ground = 0.35 + build.height;
      tail([-0.95, -0.05], [-1.5, 0.1], [random.between(-1.6, -1.2), random.between(-1, 0.3)]);
      legs(
        [
          [
            [-0.6, 0.2],
            [-0.5, ground],
          ],
          [
            [0.75, 0.2],
            [0.6, ground],
          ],
        ],
        true,
      );
      part(ellipse(frame, [0, 0.05], [1.05, 0.45]));
      part(ellipse(frame, [-0.7, 0.08], [0.4, 0.42]));
      part(
        stroke(
          frame,
          [
            [0.7, -0.05],
            [1.05, -0.5],
          ],
          [0.36, 0.27],
        ),
      );
      legs(
        [
          [
            [-0.8, 0.25],
            [-0.85, ground],
          ],
          [
            [0.65, 0.25],
            [0.85, ground],
          ],
        ],
        false,
      );
      return within(frame, [1.12, -0.68], build.head * 0.85, random.between(-0.15, 0.15));
    }
    case "lying":
      tail([-1, 0.5], [-1.5, 0.6], [random.between(-1.3, -0.6), random.between(0.75, 0.9)]);
      part(ellipse(frame, [-0.1, 0.35], [1.15, 0.5]));
      part(ellipse(frame, [-0.75, 0.45], [0.42, 0.4]));
      chest([0.7, 0.35], [0.3, 0.35]);
      legs(
        [
          [
            [0.55, 0.65],
            [1.2, 0.8],
          ],
          [
            [0.75, 0.6],
            [1.35, 0.7],
          ],
        ],
        false,
      );
      return within(frame, [0.85, -0.15], build.head * 0.9, random.between(-0.25, 0.25));
  }
};
