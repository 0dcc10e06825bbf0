;; The two inner loops of scale-centre.ts, 16 bytes at a time: JavaScript has no vectors, and takes six times as long.
;; Weights are fractions of 256, so that a sum of products of bytes fits into 16 bits; 128 rounds it.
;; Compile with `npm run build:kernels`: kernels.wasm is in Git, so that nobody who runs the service needs a compiler.
(module
  (memory (export "memory") 1)

  ;; One row out of `count` rows: to[x] = sum of weights[k] × from[k × stride + x], for `bytes` bytes.
  ;; weights: 16 bits each. Reads and writes up to 15 bytes more.
  (func (export "mixRows")
    (param $from i32) (param $stride i32) (param $weights i32) (param $count i32) (param $to i32) (param $bytes i32)
    (local $x i32) (local $k i32) (local $at i32) (local $row v128) (local $weight v128) (local $low v128) (local $high v128)
    (loop $columns
      (local.set $low (v128.const i16x8 128 128 128 128 128 128 128 128))
      (local.set $high (local.get $low))
      (local.set $at (i32.add (local.get $from) (local.get $x)))
      (local.set $k (i32.const 0))
      (loop $taps
        (local.set $row (v128.load (local.get $at)))
        (local.set $weight
          (v128.load16_splat (i32.add (local.get $weights) (i32.shl (local.get $k) (i32.const 1)))))
        (local.set $low
          (i16x8.add (local.get $low) (i16x8.mul (i16x8.extend_low_i8x16_u (local.get $row)) (local.get $weight))))
        (local.set $high
          (i16x8.add (local.get $high) (i16x8.mul (i16x8.extend_high_i8x16_u (local.get $row)) (local.get $weight))))
        (local.set $at (i32.add (local.get $at) (local.get $stride)))
        (local.set $k (i32.add (local.get $k) (i32.const 1)))
        (br_if $taps (i32.lt_u (local.get $k) (local.get $count))))
      (v128.store (i32.add (local.get $to) (local.get $x))
        (i8x16.narrow_i16x8_u
          (i16x8.shr_u (local.get $low) (i32.const 8))
          (i16x8.shr_u (local.get $high) (i32.const 8))))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (br_if $columns (i32.lt_u (local.get $x) (local.get $bytes)))))

  ;; `size` RGB pixels out of one row: pixel i = sum of weights[i × 2 × pairs + k] × (the pixel at first[i] + 3 × k).
  ;; first: 32 bits each, in bytes. weights: 16 bits each, `pairs` pairs a pixel. Reads two bytes and writes one more.
  (func (export "mixColumns")
    (param $row i32) (param $first i32) (param $weights i32) (param $pairs i32) (param $to i32) (param $size i32)
    (local $end i32) (local $at i32) (local $pair i32) (local $sum v128)
    (local.set $end (i32.add (local.get $first) (i32.shl (local.get $size) (i32.const 2))))
    (loop $pixels
      (local.set $at (i32.add (local.get $row) (i32.load (local.get $first))))
      (local.set $sum (v128.const i32x4 128 128 128 128))
      (local.set $pair (i32.const 0))
      (loop $taps
        ;; Two neighbours, RGBRGB, become the pairs RR GG BB: one multiplication adds each pair up.
        (local.set $sum
          (i32x4.add (local.get $sum)
            (i32x4.dot_i16x8_s
              (i8x16.shuffle 0 16 3 16 1 16 4 16 2 16 5 16 16 16 16 16
                (v128.load64_zero (local.get $at)) (v128.const i32x4 0 0 0 0))
              (v128.load32_splat (local.get $weights)))))
        (local.set $at (i32.add (local.get $at) (i32.const 6)))
        (local.set $weights (i32.add (local.get $weights) (i32.const 4)))
        (local.set $pair (i32.add (local.get $pair) (i32.const 1)))
        (br_if $taps (i32.lt_u (local.get $pair) (local.get $pairs))))
      (local.set $sum (i32x4.shr_u (local.get $sum) (i32.const 8)))
      (local.set $sum (i16x8.narrow_i32x4_u (local.get $sum) (local.get $sum)))
      (v128.store32_lane 0 (local.get $to) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
      (local.set $to (i32.add (local.get $to) (i32.const 3)))
      (local.set $first (i32.add (local.get $first) (i32.const 4)))
      (br_if $pixels (i32.lt_u (local.get $first) (local.get $end))))))
