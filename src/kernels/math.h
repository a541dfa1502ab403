#pragma once

#include "kernels/lanes.h"
#include "kernels/multiversioned.h"

#include <bit>
#include <cstdint>
#include <limits>

// The exponential, the logarithm and powers, because libm picks other versions of them on other machines, whose last
// bits differ. Sums, products and quotients alone, each rounded by itself, without branches, so that loops over them
// become vectors, and every version of a kernel gives the same bits, of a number and of lanes of them (N). Errors are
// those that the test allows.

namespace metrics::kernels {

namespace detail {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
// A number below 2^51 that is added to this is rounded to an integer, which is then the difference of the bits.
inline constexpr double round_shift = 0x1.8p52;
inline constexpr uint64_t bits_of_one = uint64_t{1023} << 52;

using metrics::kernels::chosen;

/// 2^n for an integer n of -1022 to 1023.
template <class N>
METRICS_INLINE N power_of_two(const N& n) {
  return from_bits((bits_of(n + round_shift) << 52) + bits_of_one);
}

/// Two doubles whose sum is a number.
template <class N>
struct Sum {
  N high, low;
};

/// a + b without error where |a| >= |b|, or a is 0.
template <class N>
METRICS_INLINE Sum<N> ordered_sum(const N& a, const N& b) {
  const N high = a + b;
  return {high, b - (high - a)};
}

/// a * b without error for factors below 2^996 whose product neither overflows nor comes near 0 (Dekker, 1971).
template <class N>
METRICS_INLINE Sum<N> product_of(const N& a, const N& b) {
  constexpr double split = 0x1p27 + 1;
  const N a_wide = a * split, b_wide = b * split;
  const N a_high = a_wide - (a_wide - a), b_high = b_wide - (b_wide - b);
  const N a_low = a - a_high, b_low = b - b_high;
  const N high = a * b;
  return {high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low};
}
/// exp(r) - 1: r + r² P(r), with P of degree 10 through (exp(r) - 1 - r) / r² at the zeros of a Chebyshev polynomial,
/// within 3e-18, for an r of at most half a logarithm of 2, either way. Pairs of its terms come first, then pairs of
/// these (Estrin's scheme), because terms one after the other would each wait for the last.
template <class N>
METRICS_INLINE N exponential_minus_one_near_0(const N& r) {
  const N square = r * r;
  const N fourth = square * square;
  const N from_0 = 0.5 + r * 0.1666666666666667;
  const N from_2 = 0.04166666666666667 + r * 0.008333333333326136;
  const N from_4 = 0.0013888888888883748 + r * 0.00019841269874820627;
  const N from_6 = 2.4801587325547743e-05 + r * 2.7557255400206422e-06;
  const N from_8 = (2.75572736431103e-07 + r * 2.5105217004720745e-08) + square * 2.0914686968086876e-09;
  const N higher = (from_4 + square * from_6) + fourth * from_8;
  return r + square * ((from_0 + square * from_2) + fourth * higher);
}

/// x = n log 2 + r, with n an integer; x no farther from 0 than its exponential is a number.
template <class N>
struct Multiple {
  N n, r;
};
template <class N>
METRICS_INLINE Multiple<N> multiple_of_ln2(const N& x) {
  constexpr double log2e = 1.4426950408889634;
  constexpr double ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
  // Beyond these the result is 0 or infinity.
  const N above = chosen(x < -746.0, -746.0, x);
  const N bounded = chosen(above > 710.0, 710.0, above);
  const N n = (bounded * log2e + round_shift) - round_shift;
  return {n, (bounded - n * ln2_high) - n * ln2_low};
}

/// x 2^n, by two factors, because 2^n may be no double where the result is one.
template <class N>
METRICS_INLINE N times_power_of_two(const N& x, const N& n) {
  const N half = (n * 0.5 + round_shift) - round_shift;
  return x * power_of_two(half) * power_of_two(N(n - half));
}

/// exp(x + rest), where rest is below the last bits of x.
template <class N>
METRICS_INLINE N exponential_of_sum(const N& x, const N& rest) {
  const auto [n, r] = multiple_of_ln2(x);
  return times_power_of_two(N(1.0 + exponential_minus_one_near_0(N(r + rest))), n);
}

/// x = 2^exponent * (1 + fraction) for a positive finite x, with 1 + fraction from the root of 1/2 to that of 2.
template <class N>
struct Parts {
  N exponent, fraction;
};
inline constexpr uint64_t bits_of_root = 0x3fe6a09e667f3bcd;
inline constexpr uint64_t fraction_bits = (uint64_t{1} << 52) - 1;
template <class N>
METRICS_INLINE Parts<N> parts_of(const N& x) {
  const auto subnormal = x < 0x1p-1022;
  const N normal = chosen(subnormal, x * 0x1p54, x);
  const auto shifted = bits_of(normal) + (bits_of_one - bits_of_root);
  const N biased = from_bits((shifted >> 52) | std::bit_cast<uint64_t>(0x1p52)) - 0x1p52;
  return {biased - chosen(subnormal, 1023.0 + 54.0, 1023.0), from_bits((shifted & fraction_bits) + bits_of_root) - 1.0};
}

// The logarithm of 2 in two parts. The first has so few digits that its product with an exponent is exact.
inline constexpr double ln2_short = 6.93147180369123816490e-01, ln2_rest = 1.90821492927058770002e-10;

/// The logarithm of 2^exponent * (1 + f), with 1 + f from the root of 1/2 to that of 2 (fdlibm's polynomial).
template <class N>
METRICS_INLINE N logarithm_of_parts(const N& exponent, const N& f) {
  const N s = f / (2.0 + f);
  const N z = s * s;
  const N w = z * z;
  const N even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const N odd = z * (6.666666666666735130e-01 +
                     w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const N half_square = 0.5 * f * f;
  const N rest = half_square - (s * (half_square + (even + odd)) + exponent * ln2_rest);
  return exponent * ln2_short - (rest - f);
}

/// The logarithm of a positive finite x, with a relative error below 2^-64.
template <class N>
METRICS_INLINE Sum<N> long_logarithm(const N& x) {
  const auto [exponent, f] = parts_of(x);
  // Of s = f / (2 + f) it is 2 s + 2 s^3 / 3 + 2 s^5 / 5 + …; the first two terms are taken in two doubles.
  const Sum<N> divisor = ordered_sum(N(2.0), f);
  const N s = f / divisor.high;
  const Sum<N> taken = product_of(s, divisor.high);
  const N s_low = (((f - taken.high) - taken.low) - s * divisor.low) / divisor.high;
  const Sum<N> square = product_of(s, s);
  const N z = square.high;
  const N z_low = square.low + 2 * s * s_low;
  constexpr double third = 1.0 / 3, third_low = 1.850371707708594e-17;
  const Sum<N> of_third = product_of(z, N(third));
  // The other terms, of degree 7 in z, through Chebyshev's points, within 1.3e-17.
  const N z_2 = z * z;
  const N z_4 = z_2 * z_2;
  const N from_0 = 0.2 + z * 0.14285714285714682, from_2 = 0.11111111110827943 + z * 0.09090909167696401;
  const N from_4 = 0.07692297481259215 + z * 0.06667402346923655,
          from_6 = 0.05853118169745603 + z * 0.05861589311938259;
  const N sum = (from_0 + z_2 * from_2) + z_4 * (from_4 + z_2 * from_6);
  const Sum<N> series = ordered_sum(of_third.high, N(((of_third.low + z * third_low) + z_low * third) + z_2 * sum));
  const N first = 2 * s, first_low = 2 * s_low;
  const Sum<N> further = product_of(first, series.high);
  const Sum<N> of_fraction = ordered_sum(first, further.high);
  const N of_fraction_low =
      of_fraction.low + (first_low + (further.low + (first * series.low + first_low * series.high)));
  const Sum<N> whole = ordered_sum(N(exponent * ln2_short), of_fraction.high);
  return {whole.high, whole.low + (of_fraction_low + exponent * ln2_rest)};
}

template <class N>
METRICS_INLINE N exponential(const N& x) {
  return exponential_of_sum(x, N(0.0));
}

template <class N>
METRICS_INLINE N logarithm(const N& x) {
  const auto [exponent, f] = parts_of(x);
  const N of_positive = chosen(x < infinity, logarithm_of_parts(exponent, f), x);
  return chosen(x > 0.0, of_positive, chosen(x == 0.0, -infinity, not_a_number));
}

template <class N>
METRICS_INLINE N power(const N& x, double p) {
  const auto [high, low] = long_logarithm(x);
  const N product = p * high;
  const N rest = product_of(N(p), high).low + p * low;
  const auto in_range = (product > -1000.0) & (product < 1000.0);  // else `rest` may be no number
  const N result = exponential_of_sum(product, chosen(in_range, rest, 0.0));
  const double of_zero = p > 0 ? 0.0 : infinity;
  const double of_infinity = p > 0 ? infinity : 0.0;
  const N of_positive = chosen(x < infinity, result, of_infinity);
  const N of_any = chosen(x > 0.0, of_positive, chosen(x == 0.0, of_zero, not_a_number));
  return chosen(p == 0, N(1.0), of_any);
}

}  // namespace detail

/// exp(x), with an error below 1 ulp; of subnormal results, 1 of their units.
METRICS_INLINE double exponential(double x) {
  return detail::exponential(x);
}
template <int64_t count>
METRICS_INLINE Doubles<count> exponential(const Doubles<count>& x) {
  return detail::exponential(x);
}

/// exp(x) - 1, with an error below 4 ulp also where x is small beside 1.
template <class N>
METRICS_INLINE N exponential_minus_one(const N& x) {
  const auto [n, r] = detail::multiple_of_ln2(x);
  const N near = detail::exponential_minus_one_near_0(r);
  return chosen(n == 0.0, near, detail::times_power_of_two(N(1.0 + near), n) - 1.0);
}

/// The natural logarithm, with an error below 1 ulp: -infinity of 0, NaN below it.
METRICS_INLINE double logarithm(double x) {
  return detail::logarithm(x);
}
template <int64_t count>
METRICS_INLINE Doubles<count> logarithm(const Doubles<count>& x) {
  return detail::logarithm(x);
}

/// The logarithm of x, where x is near 1 from what it is less 1, which may be known more exactly.
template <class N>
METRICS_INLINE N logarithm_beside_1(const N& x, const N& x_less_1) {
  const auto [exponent, f] = detail::parts_of(x);
  const N result = detail::logarithm_of_parts(exponent, chosen(exponent == 0.0, x_less_1, f));
  const N of_positive = chosen(x < detail::infinity, result, x);
  return chosen(x > 0.0, of_positive, chosen(x == 0.0, -detail::infinity, detail::not_a_number));
}

/// logarithm(1 + x), with an error below 2 ulp also where x is small beside 1 (Kahan's correction).
METRICS_INLINE double logarithm_of_one_plus(double x) {
  const double sum = 1.0 + x;
  const double result = logarithm(sum);
  const double corrected = result + (x - (sum - 1.0)) / sum;
  return chosen((sum > 0) & (sum < detail::infinity), corrected, result);
}

/// The same for an x of 0 to 1, without a division for the correction: 1 + x is taken as it is, or halved.
template <class N>
METRICS_INLINE N logarithm_of_one_plus_fraction(const N& x) {
  const auto halved = x > 0x1.a827999fcef32p-2;  // the root of 2, less 1
  return detail::logarithm_of_parts(chosen(halved, N(1.0), N(0.0)), chosen(halved, x * 0.5 - 0.5, x));
}

/// The same for an x that is not below 0, or NaN: what 1 + x loses is a part of the fraction.
template <class N>
METRICS_INLINE N logarithm_of_one_plus_positive(const N& x) {
  using namespace detail;
  constexpr uint64_t exponent_bits = uint64_t{0x7ff} << 52;
  const N sum = 1.0 + x;
  const N lost = x - (sum - 1.0);
  const auto shifted = bits_of(sum) + (bits_of_one - bits_of_root);
  const N exponent = from_bits((shifted >> 52) | std::bit_cast<uint64_t>(0x1p52)) - (0x1p52 + 1023.0);
  // 2^-exponent, of which the bits count down; it is no number where x is so large that nothing is lost.
  const N down = from_bits(2 * bits_of_one - (shifted & exponent_bits));
  const N fraction =
      (from_bits((shifted & fraction_bits) + bits_of_root) - 1.0) + chosen(x < 0x1p1000, lost * down, 0.0);
  return chosen(x < infinity, logarithm_of_parts(exponent, fraction), x);
}

/// x^p for a finite p, with an error below 1.5 ulp; of subnormal results, 1 of their units. NaN for x < 0 and NaN, but
/// 1 for p = 0.
METRICS_INLINE double power(double x, double p) {
  return detail::power(x, p);
}
template <int64_t count>
METRICS_INLINE Doubles<count> power(const Doubles<count>& x, double p) {
  return detail::power(x, p);
}

}  // namespace metrics::kernels
