#include "components.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>
#include <limits>

namespace metrics::retrieval::embeddings {

namespace {

/// Sums that are closer are equal, because each is only known but for rounding.
constexpr double closest = 1e-10;

/// How much of the variance, or a multiple of it, lies along each component, in descending order; nothing where that
/// cannot be found.
std::optional<std::vector<double>> variances_of(const Tensor& embeddings,
                                                const std::optional<std::vector<int64_t>>& rows) {
  constexpr int64_t together = 4096;
  const Tensor chosen = rows ? at::tensor(*rows, at::kLong) : Tensor();
  const int64_t count = rows ? chosen.size(0) : embeddings.size(0), columns = embeddings.size(1);
  const auto block = [&](int64_t begin) {
    const int64_t size = std::min(together, count - begin);
    const Tensor taken =
        rows ? embeddings.index_select(0, chosen.narrow(0, begin, size)) : embeddings.narrow(0, begin, size);
    return taken.to(at::kDouble);
  };
  const auto options = embeddings.options().dtype(at::kDouble);
  Tensor mean = at::zeros({columns}, options);
  for (int64_t begin = 0; begin < count; begin += together) mean += block(begin).sum(0);
  mean /= static_cast<double>(count);
  Tensor products;
  if (count < columns && count <= together) {
    const Tensor centred = block(0) - mean;
    products = at::mm(centred, centred.t());
  } else {
    products = at::zeros({columns, columns}, options);
    for (int64_t begin = 0; begin < count; begin += together) {
      const Tensor centred = block(begin) - mean;
      products.addmm_(centred.t(), centred);
    }
  }
  Tensor found;
  try {
    found = at::linalg_eigvalsh(products).contiguous();
  } catch (const c10::LinAlgError&) {
    return std::nullopt;  // LAPACK has not converged
  }
  std::vector<double> variances(found.const_data_ptr<double>(), found.const_data_ptr<double>() + found.numel());
  std::sort(variances.begin(), variances.end(), std::greater<>());
  variances.resize(static_cast<std::size_t>(std::min(count, columns)), 0.0);
  for (double& variance : variances) variance = std::max(variance, 0.0);
  return variances;
}

}  // namespace

std::vector<double> components_for(const Tensor& embeddings, const std::optional<std::vector<int64_t>>& rows,
                                   const std::vector<double>& shares) {
  const std::optional<std::vector<double>> found = variances_of(embeddings, rows);
  if (!found) return std::vector<double>(shares.size(), std::numeric_limits<double>::quiet_NaN());
  double all = 0;
  for (const double variance : *found) all += variance;
  std::vector<double> fractions;
  for (const double share : shares) {
    int64_t explaining = 0;
    double sum = 0;
    for (const double variance : *found) {
      sum += variance;
      if (sum > (share + closest) * all) break;
      ++explaining;
    }
    fractions.push_back(static_cast<double>(explaining + 1) / static_cast<double>(embeddings.size(1)));
  }
  return fractions;
}

}  // namespace metrics::retrieval::embeddings
