#include "expected_information.h"

#include "kernels/math.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <vector>

namespace metrics::clustering {

namespace {

struct Size {
  double samples;
  double clusters;  ///< How many clusters have it.
};

/// The different sizes of clusters: of n samples there are at most √(2 n).
std::vector<Size> sizes_of(const std::vector<double>& clusters) {
  std::map<double, double> times;
  for (const double samples : clusters) ++times[samples];
  std::vector<Size> sizes;
  for (const auto& [samples, count] : times) sizes.push_back({samples, count});
  return sizes;
}

/// Logarithms of whole numbers, of which small ones are asked for often.
class Logarithms {
 public:
  explicit Logarithms(double greatest) : kept_(static_cast<std::size_t>(std::min(greatest, 65536.0)) + 1) {
    for (std::size_t k = 1; k < kept_.size(); ++k) kept_[k] = kernels::logarithm(static_cast<double>(k));
  }
  double operator()(double k) const {
    return k < static_cast<double>(kept_.size()) ? kept_[static_cast<std::size_t>(k)] : kernels::logarithm(k);
  }

 private:
  std::vector<double> kept_;
};

/// E[k log k] of the number k of samples that clusters of a and b of n samples share, which is hypergeometric: the
/// probability of k + 1 is that of k times (a - k) (b - k) / ((k + 1) (n - a - b + k + 1)). Terms are taken from the
/// likeliest k to both sides, in units of its own probability, until they are nothing beside their sum: factorials
/// would have lost in rounding what large n have.
double expected_k_log_k(double a, double b, double n, const Logarithms& logarithm) {
  constexpr double nothing = 1e-20;
  const double least = std::max(0.0, a + b - n), most = std::min(a, b);
  const double likeliest = std::clamp(std::floor((a + 1) * (b + 1) / (n + 2)), least, most);
  const auto k_log_k = [&](double k) { return k < 2 ? 0.0 : k * logarithm(k); };
  double all = 1, sum = k_log_k(likeliest);
  double probability = 1;
  for (double k = likeliest; k < most; ++k) {
    probability *= (a - k) * (b - k) / ((k + 1) * (n - a - b + k + 1));
    if (probability < nothing * all) break;
    all += probability;
    sum += probability * k_log_k(k + 1);
  }
  probability = 1;
  for (double k = likeliest; k > least; --k) {
    probability *= k * (n - a - b + k) / ((a - k + 1) * (b - k + 1));
    if (probability < nothing * all) break;
    all += probability;
    sum += probability * k_log_k(k - 1);
  }
  return sum / all;
}

}  // namespace

// E[k] is a b / n, so that of E[k / n log(n k / (a b))] the part of log(n / (a b)) is a b / n² times that.
double expected_mutual_information(const families::Contingency& table) {
  if (table.rows.size() < 2 || table.columns.size() < 2) return 0;
  const std::vector<Size> rows = sizes_of(table.rows), columns = sizes_of(table.columns);
  const double n = table.all;
  const Logarithms logarithm(std::min(rows.back().samples, columns.back().samples));
  double sum = 0;
  for (const auto& [a, clusters_of_a] : rows) {
    double of_row = 0;
    for (const auto& [b, clusters_of_b] : columns) {
      const double shared = a * b / n;
      const double each = expected_k_log_k(a, b, n, logarithm) - shared * kernels::logarithm(shared);
      of_row += clusters_of_b * each;
    }
    sum += clusters_of_a * of_row;
  }
  return sum / n;
}

}  // namespace metrics::clustering
