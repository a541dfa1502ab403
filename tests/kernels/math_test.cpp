#include "kernels/math.h"

#include "kernels/fastest.h"
#include "kernels/pairs/sum_blocks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace metrics::kernels;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double least = std::numeric_limits<double>::denorm_min();

/// How far `value` is from what it should be, in units of that one's last place.
double error_in_ulps(double value, long double expected) {
  const auto rounded = static_cast<double>(expected);
  if (std::isnan(rounded)) return std::isnan(value) ? 0 : infinity;
  if (std::isinf(rounded) || std::isinf(value)) return value == rounded ? 0 : infinity;
  const double unit = std::nextafter(std::abs(rounded), infinity) - std::abs(rounded);
  return static_cast<double>(std::abs((static_cast<long double>(value) - expected) / unit));
}

struct Product {
  double factor;
  template <class N>
  METRICS_INLINE N operator()(const N& a, const N& b) const {
    return a * b * factor + power(N(a * a), 0.3);
  }
};

struct Worst {
  double error = 0, x = 0, p = 0;

  void see(double found, double at, double exponent = 0) {
    if (!(found <= error)) *this = {found, at, exponent};
  }
};

constexpr int draws = 400'000;
// What numbers of each size are tried besides.
const std::vector<double> edges{0.0,
                                least,
                                0x1p-1030,
                                0x1p-1022,
                                0x1.fffffffffffffp-1023,
                                0x1p-1021,
                                1e-300,
                                1e-17,
                                0.5,
                                0x1.6a09e667f3bcdp-1,
                                0x1.fffffffffffffp-1,
                                1.0,
                                0x1.0000000000001p0,
                                2.0,
                                708.0,
                                709.7,
                                1e17,
                                1e300,
                                0x1.fffffffffffffp1023};

std::vector<Machine> machines() {
  std::vector<Machine> found{Machine::Any};
  if (this_machine() != Machine::Any) found.push_back(Machine::Avx2);
  if (this_machine() == Machine::Avx512) found.push_back(Machine::Avx512);
  return found;
}

std::vector<uint64_t> bits_of(const std::vector<double>& numbers) {
  std::vector<uint64_t> bits;
  // The bits of a NaN differ with the order of what made it.
  for (const double x : numbers) bits.push_back(std::bit_cast<uint64_t>(std::isnan(x) ? not_a_number : x));
  return bits;
}

}  // namespace

TEST_CASE("kernels: the exponential is within an ulp") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> wide(-746, 710), narrow(-1, 1);
  Worst worst;
  const auto see = [&](double x) {
    worst.see(error_in_ulps(exponential(x), std::exp(static_cast<long double>(x))), x);
  };
  for (int i = 0; i < draws; ++i) see(wide(random)), see(narrow(random));
  for (const double x : edges) see(x), see(-x);
  for (const double x : {-745.13, -745.14, -746.0, -747.0, 709.78, 709.79, 710.0, 711.0}) see(x);
  CAPTURE(worst.x);
  CHECK(worst.error < 1);
  CHECK(exponential(0.0) == 1);
  CHECK(exponential(-infinity) == 0);
  CHECK(exponential(infinity) == infinity);
  CHECK(std::isnan(exponential(not_a_number)));
}

TEST_CASE("kernels: the logarithm is within an ulp") {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> near_one(0.5, 1.5), nearer(1 - 1e-4, 1 + 1e-4);
  Worst worst;
  const auto see = [&](double x) { worst.see(error_in_ulps(logarithm(x), std::log(static_cast<long double>(x))), x); };
  for (int i = 0; i < draws; ++i) {
    const double any = std::bit_cast<double>(random() >> 1);
    if (std::isfinite(any)) see(any);
    see(near_one(random)), see(nearer(random));
  }
  for (const double x : edges) see(x);
  CAPTURE(worst.x);
  CHECK(worst.error < 1);
  CHECK(std::bit_cast<uint64_t>(logarithm(1.0)) == 0);
  CHECK(logarithm(-0.0) == -infinity);
  CHECK(logarithm(infinity) == infinity);
  for (const double x : {-least, -1.0, -infinity, not_a_number}) CHECK(std::isnan(logarithm(x)));
}

TEST_CASE("kernels: the logarithm of one plus a number is within 2 ulp") {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> sizes(-60, 60), below(-1, 0);
  Worst worst;
  const auto see = [&](double x) {
    worst.see(error_in_ulps(logarithm_of_one_plus(x), std::log1p(static_cast<long double>(x))), x);
  };
  for (int i = 0; i < draws; ++i)
    see(std::exp2(sizes(random))), see(-std::exp2(-std::abs(sizes(random)))), see(below(random));
  for (const double x : edges) see(x);
  CAPTURE(worst.x);
  CHECK(worst.error < 2);
  CHECK(logarithm_of_one_plus(-1.0) == -infinity);
  CHECK(logarithm_of_one_plus(infinity) == infinity);
  for (const double x : {-1.5, -infinity, not_a_number}) CHECK(std::isnan(logarithm_of_one_plus(x)));
}

TEST_CASE("kernels: a power is within 1.5 ulp") {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponents(0, 12), sizes(-40, 40), any_exponent(-3, 3);
  Worst worst;
  const auto see = [&](double x, double p) {
    const long double expected = std::pow(static_cast<long double>(x), static_cast<long double>(p));
    worst.see(error_in_ulps(power(x, p), expected), x, p);
  };
  for (int i = 0; i < draws; ++i) {
    see(std::exp2(sizes(random)), exponents(random));
    const double any = std::bit_cast<double>(random() >> 1);
    if (std::isfinite(any)) see(any, any_exponent(random));
  }
  for (const double x : edges) {
    for (const double p :
         {-1e300, -700.0, -2.0, -1.0, -0.5, 0.0, 1e-300, 1.0 / 3, 0.5, 1.0, 1.5, 2.0, 7.0, 1e6, 1e300}) {
      see(x, p);
    }
  }
  CAPTURE(worst.x);
  CAPTURE(worst.p);
  CHECK(worst.error < 1.5);
  for (const double p : {-3.0, 0.5, 3.0, 1e300}) CHECK(power(1.0, p) == 1);
  CHECK(power(infinity, 0.5) == infinity);
  CHECK(power(infinity, -0.5) == 0);
  CHECK(power(-0.0, 1.5) == 0);
  for (const double x : {not_a_number, -1.0, -infinity}) {
    CHECK(std::isnan(power(x, 2.5)));
    CHECK(power(x, 0.0) == 1);
  }
}

TEST_CASE("kernels: every version gives the same bits") {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> numbers(-20, 20);
  std::vector<double> from;
  for (int i = 0; i < 4096; ++i) from.push_back(numbers(random));
  for (const double x : edges) from.push_back(x), from.push_back(-x);
  for (const double x : {infinity, -infinity, not_a_number}) from.push_back(x);
  const auto count = static_cast<int64_t>(from.size());
  const double* x = from.data();

  SUBCASE("of functions") {
    std::vector<double> alone;
    for (const double number : from) {
      for (const double value : {exponential(number), logarithm(number), power(number, 2.7)}) alone.push_back(value);
    }
    for (const Machine machine : machines()) {
      std::vector<double> together(alone.size()), in_lanes(alone.size());
      double* to = together.data();
      compiled_for(machine, [&]() METRICS_INLINED {
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) {
          to[3 * i] = exponential(x[i]);
          to[3 * i + 1] = logarithm(x[i]);
          to[3 * i + 2] = power(x[i], 2.7);
        }
      });
      compiled_in_lanes_for(machine, [&](auto lanes) METRICS_INLINED {
        for (int64_t i = 0; i + lanes() <= count; i += lanes()) {
          const auto some = read_lanes<lanes()>(x + i);
          double exponentials[8], logarithms[8], powers[8];
          write_lanes(exponential(some), exponentials);
          write_lanes(logarithm(some), logarithms);
          write_lanes(power(some, 2.7), powers);
          for (int64_t lane = 0; lane < lanes(); ++lane) {
            double* const of_one = in_lanes.data() + 3 * (i + lane);
            of_one[0] = exponentials[lane];
            of_one[1] = logarithms[lane];
            of_one[2] = powers[lane];
          }
        }
        for (int64_t i = 3 * (count / lanes() * lanes()); i < 3 * count; ++i) in_lanes[i] = alone[i];
      });
      CAPTURE(static_cast<int>(machine));
      CHECK(bits_of(together) == bits_of(alone));
      CHECK(bits_of(in_lanes) == bits_of(alone));
    }
  }
  SUBCASE("of sums over pairs") {
    constexpr int64_t rows = 1021;
    const pairs::SumOf<Product> terms{{0.1}};
    const pairs::Part<double, double> part{x, x + 7, x + 9};
    for (const int64_t columns : {1, 3}) {
      for (const bool weighted : {false, true}) {
        std::vector<std::vector<uint64_t>> found;
        for (const Machine machine : machines()) {
          const int64_t lanes = pairs::lanes_of(columns);
          std::vector<double> sums(static_cast<std::size_t>(pairs::width<pairs::SumOf<Product>> * lanes)), none(sums);
          double* const into = sums.data();
          const double* const firsts = none.data();
          if (columns == 1) {
            // Sums that begin anew are those that go on from nothing.
            const auto add = [&](bool is_begun) {
              compiled_in_lanes_for(machine, [&](auto count_of_lanes) METRICS_INLINED {
                weighted ? pairs::add_column<true, count_of_lanes()>(terms, part, rows, 0, 0, is_begun, into)
                         : pairs::add_column<false, count_of_lanes()>(terms, part, rows, 0, 0, is_begun, into);
              });
            };
            add(/*is_begun=*/true);
            found.push_back(bits_of(sums));
            std::fill(sums.begin(), sums.end(), 1.0);
            add(/*is_begun=*/false);
          } else {
            compiled_for(machine, [&]() METRICS_INLINED {
              weighted ? pairs::add_columns<true>(terms, part, rows, columns, lanes, firsts, firsts, into)
                       : pairs::add_columns<false>(terms, part, rows, columns, lanes, firsts, firsts, into);
            });
          }
          found.push_back(bits_of(sums));
        }
        for (const auto& bits : found) CHECK(bits == found.front());
      }
    }
  }
}

TEST_CASE("kernels: an exponential less 1 is within 4 ulp") {
  std::mt19937_64 random(6);
  std::uniform_real_distribution<double> wide(-40, 700), sizes(-60, 1);
  Worst worst;
  const auto see = [&](double x) {
    worst.see(error_in_ulps(exponential_minus_one(x), std::expm1(static_cast<long double>(x))), x);
  };
  for (int i = 0; i < draws; ++i) see(wide(random)), see(std::exp2(sizes(random))), see(-std::exp2(sizes(random)));
  CAPTURE(worst.x);
  CHECK(worst.error < 4);
  CHECK(exponential_minus_one(0.0) == 0);
  CHECK(exponential_minus_one(-infinity) == -1);
  CHECK(exponential_minus_one(infinity) == infinity);
  CHECK(std::isnan(exponential_minus_one(not_a_number)));
}

TEST_CASE("kernels: the logarithm of one plus what is not below 0 is within 2 ulp") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> sizes(-60, 60), fractions(0, 1);
  Worst of_positive, of_fraction;
  const auto see = [&](double x) {
    const long double expected = std::log1p(static_cast<long double>(x));
    of_positive.see(error_in_ulps(logarithm_of_one_plus_positive(x), expected), x);
    if (x <= 1) of_fraction.see(error_in_ulps(logarithm_of_one_plus_fraction(x), expected), x);
  };
  for (int i = 0; i < draws; ++i) see(std::exp2(sizes(random))), see(fractions(random));
  for (const double x : edges) see(x);
  CAPTURE(of_positive.x);
  CAPTURE(of_fraction.x);
  CHECK(of_positive.error < 2);
  CHECK(of_fraction.error < 2);
  CHECK(logarithm_of_one_plus_positive(infinity) == infinity);
  CHECK(std::isnan(logarithm_of_one_plus_positive(not_a_number)));
}
