#pragma once

#include "kernels/multiversioned.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

// Numbers side by side, as many as a register of the machine holds, with the operators of a single one: what is written
// for a number is compiled for several, and the sums of several rows stay in registers, whatever the compiler makes of
// loops. All operations are those of a number for each of them, so that the bits are the same.

namespace metrics::kernels {

/// Which of so many numbers something holds for.
template <int64_t count>
struct Which {
  typedef int64_t Vector __attribute__((vector_size(count * sizeof(int64_t))));
  Vector mask;

  // Copies name the register: those that GCC makes of a struct by itself go through memory in pieces, because the
  // machine of all, for which a type is laid out, has no such register, and a load waits long for several stores.
  METRICS_INLINE Which(const Which& other) : mask(other.mask) {}
  METRICS_INLINE Which& operator=(const Which& other) {
    mask = other.mask;
    return *this;
  }
  METRICS_INLINE explicit Which(const Vector& given) : mask(given) {}
  METRICS_INLINE friend Which operator&(const Which& a, const Which& b) { return Which(a.mask & b.mask); }
  METRICS_INLINE friend Which operator|(const Which& a, const Which& b) { return Which(a.mask | b.mask); }
  METRICS_INLINE friend Which operator!(const Which& a) { return Which(~a.mask); }
};

/// `count` numbers of 8 bytes. In a struct, because how a bare vector is passed on depends on the machine.
template <class T, int64_t count>
struct Lanes {
  typedef T Vector __attribute__((vector_size(count * sizeof(T))));
  Vector numbers;

  Lanes() = default;
  // As those of Which.
  METRICS_INLINE Lanes(const Lanes& other) : numbers(other.numbers) {}
  METRICS_INLINE Lanes& operator=(const Lanes& other) {
    numbers = other.numbers;
    return *this;
  }
  METRICS_INLINE explicit Lanes(const Vector& given) : numbers(given) {}
  METRICS_INLINE Lanes(T each) : numbers(each - Vector{}) {}  // NOLINT: as implicit as from an integer to a number

  METRICS_INLINE friend Lanes operator+(const Lanes& a, const Lanes& b) { return Lanes(a.numbers + b.numbers); }
  METRICS_INLINE friend Lanes operator-(const Lanes& a, const Lanes& b) { return Lanes(a.numbers - b.numbers); }
  METRICS_INLINE friend Lanes operator*(const Lanes& a, const Lanes& b) { return Lanes(a.numbers * b.numbers); }
  METRICS_INLINE friend Lanes operator/(const Lanes& a, const Lanes& b) { return Lanes(a.numbers / b.numbers); }
  METRICS_INLINE friend Lanes operator-(const Lanes& a) { return Lanes(-a.numbers); }
  METRICS_INLINE Lanes& operator+=(const Lanes& other) { return *this = *this + other; }

  METRICS_INLINE friend Lanes operator&(const Lanes& a, const Lanes& b) { return Lanes(a.numbers & b.numbers); }
  METRICS_INLINE friend Lanes operator|(const Lanes& a, const Lanes& b) { return Lanes(a.numbers | b.numbers); }
  METRICS_INLINE friend Lanes operator<<(const Lanes& a, int bits) { return Lanes(a.numbers << bits); }
  METRICS_INLINE friend Lanes operator>>(const Lanes& a, int bits) { return Lanes(a.numbers >> bits); }

  METRICS_INLINE friend Which<count> operator<(const Lanes& a, const Lanes& b) {
    return Which<count>(a.numbers < b.numbers);
  }
  METRICS_INLINE friend Which<count> operator>(const Lanes& a, const Lanes& b) {
    return Which<count>(a.numbers > b.numbers);
  }
  METRICS_INLINE friend Which<count> operator<=(const Lanes& a, const Lanes& b) {
    return Which<count>(a.numbers <= b.numbers);
  }
  METRICS_INLINE friend Which<count> operator>=(const Lanes& a, const Lanes& b) {
    return Which<count>(a.numbers >= b.numbers);
  }
  METRICS_INLINE friend Which<count> operator==(const Lanes& a, const Lanes& b) {
    return Which<count>(a.numbers == b.numbers);
  }
};

template <int64_t count>
using Doubles = Lanes<double, count>;
template <int64_t count>
using Words = Lanes<uint64_t, count>;

/// `yes` or `no`, of which both are computed: of `?:` of numbers the compiler may make a branch.
METRICS_INLINE double chosen(bool which, double yes, double no) {
  const uint64_t mask = which ? ~uint64_t{0} : uint64_t{0};
  return std::bit_cast<double>((std::bit_cast<uint64_t>(yes) & mask) | (std::bit_cast<uint64_t>(no) & ~mask));
}
template <int64_t count>
METRICS_INLINE Doubles<count> chosen(const Which<count>& which, const std::type_identity_t<Doubles<count>>& yes,
                                     const std::type_identity_t<Doubles<count>>& no) {
  return Doubles<count>(which.mask ? yes.numbers : no.numbers);
}

template <int64_t count>
METRICS_INLINE Doubles<count> chosen(bool which, const Doubles<count>& yes, const Doubles<count>& no) {
  return which ? yes : no;
}

METRICS_INLINE uint64_t bits_of(double x) {
  return std::bit_cast<uint64_t>(x);
}
template <int64_t count>
METRICS_INLINE Words<count> bits_of(const Doubles<count>& x) {
  return Words<count>(reinterpret_cast<typename Words<count>::Vector>(x.numbers));
}

/// The number of these bits.
METRICS_INLINE double from_bits(uint64_t bits) {
  return std::bit_cast<double>(bits);
}
template <int64_t count>
METRICS_INLINE Doubles<count> from_bits(const Words<count>& bits) {
  return Doubles<count>(reinterpret_cast<typename Doubles<count>::Vector>(bits.numbers));
}

/// |x|.
METRICS_INLINE double magnitude(double x) {
  return from_bits(bits_of(x) & ~(uint64_t{1} << 63));
}
template <int64_t count>
METRICS_INLINE Doubles<count> magnitude(const Doubles<count>& x) {
  return from_bits(bits_of(x) & ~(uint64_t{1} << 63));
}

/// The square root. By the instruction, because std::sqrt may set errno, which keeps it from being vectorised; Clang
/// takes no register that the machine of all has not.
METRICS_INLINE double root(double x) {
  return std::sqrt(x);
}
template <int64_t count>
METRICS_INLINE Doubles<count> root(const Doubles<count>& x) {
#if defined(METRICS_VERSIONS) && !defined(__clang__)
  Doubles<count> roots;
  if constexpr (count == 2) {
    asm("sqrtpd %1, %0" : "=x"(roots.numbers) : "x"(x.numbers));
  } else {
    asm("vsqrtpd %1, %0" : "=v"(roots.numbers) : "v"(x.numbers));
  }
  return roots;
#else
  Doubles<count> roots;
  for (int64_t lane = 0; lane < count; ++lane) roots.numbers[lane] = std::sqrt(x.numbers[lane]);
  return roots;
#endif
}

/// Reads numbers of type T that lie one after the other. Float32 by the instruction, because GCC makes two halves of
/// them, partly by way of memory, which it puts together again.
template <int64_t count, class T>
METRICS_INLINE Doubles<count> read_lanes(const T* from) {
  typedef T Vector __attribute__((vector_size(count * sizeof(T)), aligned(sizeof(T)), may_alias));
  const auto& given = *reinterpret_cast<const Vector*>(from);
#if defined(METRICS_VERSIONS) && !defined(__clang__)
  if constexpr (count > 2 && std::is_same_v<T, float>) {
    Doubles<count> wide;
    asm("vcvtps2pd %1, %0" : "=v"(wide.numbers) : "m"(given));
    return wide;
  }
#endif
  return Doubles<count>(__builtin_convertvector(given, typename Doubles<count>::Vector));
}
template <int64_t count>
METRICS_INLINE void write_lanes(const Doubles<count>& numbers, double* to) {
  typedef double Vector __attribute__((vector_size(count * sizeof(double)), aligned(sizeof(double)), may_alias));
  *reinterpret_cast<Vector*>(to) = numbers.numbers;
}

}  // namespace metrics::kernels
