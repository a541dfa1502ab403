#pragma once

#include "kernels/multiversioned.h"

#include <bit>
#include <cstdint>
#include <limits>

// The exponential, the logarithm and powers, because libm picks other versions of them on other machines, whose last
// bits differ. Sums, products and quotients alone, each rounded by itself, without branches, so that loops over them
// become vectors, and every version of a kernel gives the same bits. Errors are those that the test allows.

namespace metrics::kernels {

namespace detail {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
// A number below 2^51 that is added to this is rounded to an integer, which is then the difference of the bits.
inline constexpr double round_shift = 0x1.8p52;
inline constexpr uint64_t bits_of_one = uint64_t{1023} << 52;

/// `if_so` or `if_not`, of which both are computed: of `?:` the compiler may make a branch.
METRICS_INLINE double chosen(bool which, double if_so, double if_not) {
  const uint64_t mask = which ? ~uint64_t{0} : uint64_t{0};
  return std::bit_cast<double>((std::bit_cast<uint64_t>(if_so) & mask) | (std::bit_cast<uint64_t>(if_not) & ~mask));
}

/// 2^n for an integer n of -1022 to 1023.
METRICS_INLINE double power_of_two(double n) {
  return std::bit_cast<double>((std::bit_cast<uint64_t>(n + round_shift) << 52) + bits_of_one);
}

/// Two doubles whose sum is a number.
struct Sum {
  double high, low;
};

/// a + b without error where |a| >= |b|, or a is 0.
METRICS_INLINE Sum ordered_sum(double a, double b) {
  const double high = a + b;
  return {high, b - (high - a)};
}

/// a * b without error for factors below 2^996 whose product neither overflows nor comes near 0 (Dekker, 1971).
METRICS_INLINE Sum product_of(double a, double b) {
  constexpr double split = 0x1p27 + 1;
  const double a_wide = a * split, b_wide = b * split;
  const double a_high = a_wide - (a_wide - a), b_high = b_wide - (b_wide - b);
  const double a_low = a - a_high, b_low = b - b_high;
  const double high = a * b;
  return {high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

/// exp(x + rest), where rest is below the last bits of x.
METRICS_INLINE double exponential_of_sum(double x, double rest) {
  constexpr double log2e = 1.4426950408889634;
  constexpr double ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
  // Beyond these the result is 0 or infinity.
  const double above = chosen(x < -746.0, -746.0, x);
  const double bounded = chosen(above > 710.0, 710.0, above);
  const double n = (bounded * log2e + round_shift) - round_shift;
  const double r = ((bounded - n * ln2_high) - n * ln2_low) + rest;
  double sum = 1.0 / 6227020800;
  sum = sum * r + 1.0 / 479001600;
  sum = sum * r + 1.0 / 39916800;
  sum = sum * r + 1.0 / 3628800;
  sum = sum * r + 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  sum = sum * r + 0.5;
  const double result = 1.0 + (r + r * r * sum);
  // By two factors, because 2^n may be no double where the result is one.
  const double half = (n * 0.5 + round_shift) - round_shift;
  return result * power_of_two(half) * power_of_two(n - half);
}

/// x = 2^exponent * (1 + fraction) for a positive finite x, with 1 + fraction from the root of 1/2 to that of 2.
struct Parts {
  double exponent, fraction;
};
METRICS_INLINE Parts parts_of(double x) {
  constexpr uint64_t bits_of_root = 0x3fe6a09e667f3bcd;
  constexpr uint64_t fraction_bits = (uint64_t{1} << 52) - 1;
  const bool subnormal = x < 0x1p-1022;
  const double normal = chosen(subnormal, x * 0x1p54, x);
  const uint64_t shifted = std::bit_cast<uint64_t>(normal) + (bits_of_one - bits_of_root);
  const double biased = std::bit_cast<double>((shifted >> 52) | std::bit_cast<uint64_t>(0x1p52)) - 0x1p52;
  return {.exponent = biased - (subnormal ? 1023.0 + 54.0 : 1023.0),
          .fraction = std::bit_cast<double>((shifted & fraction_bits) + bits_of_root) - 1.0};
}

// The logarithm of 2 in two parts. The first has so few digits that its product with an exponent is exact.
inline constexpr double ln2_short = 6.93147180369123816490e-01, ln2_rest = 1.90821492927058770002e-10;

/// The logarithm of a positive finite x, with a relative error below 2^-64.
METRICS_INLINE Sum long_logarithm(double x) {
  const auto [exponent, f] = parts_of(x);
  // Of s = f / (2 + f) it is 2 s + 2 s^3 / 3 + 2 s^5 / 5 + …; the first two terms are taken in two doubles.
  const Sum divisor = ordered_sum(2.0, f);
  const double s = f / divisor.high;
  const Sum taken = product_of(s, divisor.high);
  const double s_low = (((f - taken.high) - taken.low) - s * divisor.low) / divisor.high;
  const Sum square = product_of(s, s);
  const double z = square.high;
  const double z_low = square.low + 2 * s * s_low;
  constexpr double third = 1.0 / 3, third_low = 1.850371707708594e-17;
  const Sum of_third = product_of(z, third);
  double sum = 1.0 / 27;
  sum = sum * z + 1.0 / 25;
  sum = sum * z + 1.0 / 23;
  sum = sum * z + 1.0 / 21;
  sum = sum * z + 1.0 / 19;
  sum = sum * z + 1.0 / 17;
  sum = sum * z + 1.0 / 15;
  sum = sum * z + 1.0 / 13;
  sum = sum * z + 1.0 / 11;
  sum = sum * z + 1.0 / 9;
  sum = sum * z + 1.0 / 7;
  sum = sum * z + 1.0 / 5;
  const Sum series = ordered_sum(of_third.high, ((of_third.low + z * third_low) + z_low * third) + z * z * sum);
  const double first = 2 * s, first_low = 2 * s_low;
  const Sum further = product_of(first, series.high);
  const Sum of_fraction = ordered_sum(first, further.high);
  const double of_fraction_low =
      of_fraction.low + (first_low + (further.low + (first * series.low + first_low * series.high)));
  const Sum whole = ordered_sum(exponent * ln2_short, of_fraction.high);
  return {whole.high, whole.low + (of_fraction_low + exponent * ln2_rest)};
}

}  // namespace detail

/// exp(x), with an error below 1 ulp; of subnormal results, 1 of their units.
METRICS_INLINE double exponential(double x) {
  return detail::exponential_of_sum(x, 0.0);
}

/// The natural logarithm, with an error below 1 ulp: -infinity of 0, NaN below it (fdlibm's polynomial).
METRICS_INLINE double logarithm(double x) {
  const auto [exponent, f] = detail::parts_of(x);
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double w = z * z;
  const double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double odd =
      z * (6.666666666666735130e-01 +
           w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const double half_square = 0.5 * f * f;
  const double rest = half_square - (s * (half_square + (even + odd)) + exponent * detail::ln2_rest);
  const double result = exponent * detail::ln2_short - (rest - f);
  const double of_positive = detail::chosen(x < detail::infinity, result, x);
  const double of_others = x == 0 ? -detail::infinity : detail::not_a_number;
  return detail::chosen(x > 0, of_positive, of_others);
}

/// logarithm(1 + x), with an error below 2 ulp also where x is small beside 1 (Kahan's correction).
METRICS_INLINE double logarithm_of_one_plus(double x) {
  const double sum = 1.0 + x;
  const double result = logarithm(sum);
  const double corrected = result + (x - (sum - 1.0)) / sum;
  return detail::chosen((sum > 0) & (sum < detail::infinity), corrected, result);
}

/// x^p for a finite p, with an error below 1.5 ulp; of subnormal results, 1 of their units. NaN for x < 0 and NaN, but
/// 1 for p = 0.
METRICS_INLINE double power(double x, double p) {
  const auto [high, low] = detail::long_logarithm(x);
  const double product = p * high;
  const double rest = detail::product_of(p, high).low + p * low;
  const bool in_range = (product > -1000.0) & (product < 1000.0);  // else `rest` may be no number
  const double result = detail::exponential_of_sum(product, detail::chosen(in_range, rest, 0.0));
  const double of_zero = p > 0 ? 0.0 : detail::infinity;
  const double of_infinity = p > 0 ? detail::infinity : 0.0;
  const double of_positive = detail::chosen(x < detail::infinity, result, of_infinity);
  const double of_others = x == 0 ? of_zero : detail::not_a_number;
  const double of_any = detail::chosen(x > 0, of_positive, of_others);
  return detail::chosen(p == 0, 1.0, of_any);
}

}  // namespace metrics::kernels
