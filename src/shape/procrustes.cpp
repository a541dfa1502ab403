#include "families/numbers.h"
#include "kernels/parallel.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/shape/procrustes.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace metrics {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The results of a batch, float64; scales and rotations only where they are asked for.
struct Disparities {
  Tensor disparity, scale, rotation;
  bool has_flat = false;  // whether a cloud has nothing but equal points
};

enum class Size { Some, None, Undefined };

/// Moves the points to their mean and divides them by their size, the root of the sum of squares. What is left of the
/// first point comes off before the mean, so that equal points are 0 to the bit, and an offset takes no digits; the
/// greatest number divides them before they are squared.
template <class T>
Size standardise(const T* points, Matrix& cloud) {
  for (Eigen::Index row = 0; row < cloud.rows(); ++row) {
    for (Eigen::Index column = 0; column < cloud.cols(); ++column) {
      const auto first = static_cast<double>(points[column]);
      cloud(row, column) = static_cast<double>(points[row * cloud.cols() + column]) - first;
    }
  }
  if (cloud.size() == 0) return Size::None;
  if (!cloud.allFinite()) return Size::Undefined;
  const double greatest = cloud.cwiseAbs().maxCoeff();
  if (greatest == 0) return Size::None;
  cloud /= greatest;
  cloud.rowwise() -= cloud.colwise().mean().eval();
  cloud /= cloud.norm();
  return Size::Some;
}

/// What turns `b` onto `a`, points in rows, and by how much it is scaled there: of the singular value decomposition of
/// aᵀb the product of the vectors, and the sum of the values. Jacobi's rotations are quick and exact where dimensions
/// are few.
struct Turn {
  Matrix rotation;
  double scale;
};

Turn turn_of(Matrix product) {
  constexpr Eigen::Index few = 16;
  if (product.rows() < few) {
    const Eigen::JacobiSVD<Matrix, Eigen::NoQRPreconditioner> svd(product, Eigen::ComputeFullU | Eigen::ComputeFullV);
    return {svd.matrixU() * svd.matrixV().transpose(), svd.singularValues().sum()};
  }
  const auto [u, values, v] =
      at::linalg_svd(at::from_blob(product.data(), {product.rows(), product.cols()}, at::kDouble));
  const Tensor rotation = at::matmul(u, v).contiguous();
  return {Eigen::Map<const Matrix>(rotation.const_data_ptr<double>(), product.rows(), product.cols()),
          Eigen::Map<const Eigen::VectorXd>(values.const_data_ptr<double>(), product.rows()).sum()};
}

template <class T>
void analyse(const T* first, const T* second, int64_t points, int64_t dimensions, int64_t begin, int64_t end,
             Disparities& results, bool* flat) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Matrix a(points, dimensions), b(points, dimensions);
  auto* const disparity = results.disparity.mutable_data_ptr<double>();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t at = i * points * dimensions;
    const Size of_first = standardise(first + at, a), of_second = standardise(second + at, b);
    const bool defined = of_first == Size::Some && of_second == Size::Some;
    flat[i] = of_first == Size::None || of_second == Size::None;
    double scale = nan;
    Matrix rotation;
    if (defined) {
      Turn turn = turn_of(a.transpose() * b);
      scale = turn.scale;
      rotation = std::move(turn.rotation);
    } else {
      rotation = Matrix::Constant(dimensions, dimensions, nan);
    }
    disparity[i] = defined ? (a - scale * b * rotation.transpose()).squaredNorm() : nan;
    if (!results.scale.defined()) continue;
    results.scale.mutable_data_ptr<double>()[i] = scale;
    std::copy_n(rotation.data(), rotation.size(),
                results.rotation.mutable_data_ptr<double>() + i * dimensions * dimensions);
  }
}

void check_clouds(const Tensor& first, const Tensor& second) {
  if (first.dim() != 3) {
    throw InvalidArgument(
        c10::str("input `point_cloud1`: expected points [N, M, D], got ", first.scalar_type(), first.sizes()));
  }
  if (first.sizes() == second.sizes()) return;
  throw InvalidArgument(c10::str("inputs `point_cloud1` and `point_cloud2` must have the same shape, got ",
                                 first.sizes(), " and ", second.sizes()));
}

/// The type in which points are read; all of it is exact in float64 but integers beyond 2^53.
at::ScalarType read_in(at::ScalarType first, at::ScalarType second) {
  const at::ScalarType both = at::promoteTypes(first, second);
  return at::isFloatingType(both) && both != at::kDouble ? at::kFloat : at::kDouble;
}

enum class Wanted { Disparity, All };

Disparities disparities_of(const Tensor& point_cloud1, const Tensor& point_cloud2, Wanted wanted) {
  check_clouds(point_cloud1, point_cloud2);
  const at::ScalarType dtype = read_in(point_cloud1.scalar_type(), point_cloud2.scalar_type());
  const auto readable = [&](const Tensor& points) { return points.detach().to(at::kCPU, dtype).contiguous(); };
  const Tensor first = readable(point_cloud1), second = readable(point_cloud2);
  const int64_t samples = first.size(0), points = first.size(1), dimensions = first.size(2);
  Disparities results{.disparity = at::empty({samples}, at::kDouble), .scale = {}, .rotation = {}};
  if (wanted == Wanted::All) {
    results.scale = at::empty({samples, 1}, at::kDouble);
    results.rotation = at::empty({samples, dimensions, dimensions}, at::kDouble);
  }
  const auto flat = std::make_unique<bool[]>(static_cast<std::size_t>(samples));
  const int64_t cost = (points + dimensions * 8) * dimensions * dimensions + 512;
  kernels::parallel(samples, cost, [&](int64_t begin, int64_t end) {
    const auto analyse_as = [&]<class T>(const T*) {
      analyse(first.const_data_ptr<T>(), second.const_data_ptr<T>(), points, dimensions, begin, end, results,
              flat.get());
    };
    dtype == at::kDouble ? analyse_as(static_cast<const double*>(nullptr))
                         : analyse_as(static_cast<const float*>(nullptr));
  });
  if (std::find(flat.get(), flat.get() + samples, true) != flat.get() + samples) {
    warn("procrustes_disparity: a cloud has no two different points: its disparity is NaN");
  }
  return results;
}

}  // namespace

namespace definitions {

void ProcrustesDisparity::declare(States& states, const Options&) {
  states.add("disparity", Reduction::Sum, at::zeros({}, at::kFloat));
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
}

void ProcrustesDisparity::update(States& states, const Options&, const Tensor& point_cloud1,
                                 const Tensor& point_cloud2) {
  const Tensor disparity = disparities_of(point_cloud1, point_cloud2, Wanted::Disparity).disparity;
  DoubleDouble sum;
  for (int64_t i = 0; i < disparity.size(0); ++i) sum = sum + disparity.const_data_ptr<double>()[i];
  State& total = states["total"];
  States::Attempt attempt(states);
  states["disparity"].add(sum);
  if (total.tensor().is_cpu()) {
    int64_t* const count = total.counts();
    *count = wrapping_sum(*count, disparity.size(0));
  } else {
    total.add(at::full({}, disparity.size(0), total.tensor().options()));
  }
  attempt.succeed();
}

std::string ProcrustesDisparity::update_key(const Options&) {
  return std::string(name);
}

Tensor ProcrustesDisparity::finalise(const States& states, const Options& options) {
  const Tensor& sum = states["disparity"].tensor();
  if (options.reduction == shape::Reduction::Sum) return sum;
  return families::value_of([](const auto& of_all, const auto& samples) { return of_all / samples; }, sum,
                            states["total"].tensor());
}

std::variant<Tensor, ProcrustesAnalysis> ProcrustesDisparity::functional_value(
    const Tensor& point_cloud1, const Tensor& point_cloud2, const ProcrustesAnalysisOptions& options) {
  const bool wide = point_cloud1.scalar_type() == at::kDouble || point_cloud2.scalar_type() == at::kDouble;
  const auto result = [&](const Tensor& numbers) {
    return numbers.to(point_cloud1.device(), wide ? at::kDouble : at::kFloat);
  };
  const auto found = disparities_of(point_cloud1, point_cloud2, options.return_all ? Wanted::All : Wanted::Disparity);
  if (!options.return_all) return result(found.disparity);
  return ProcrustesAnalysis{result(found.disparity), result(found.scale), result(found.rotation)};
}

}  // namespace definitions

METRICS_DEFINE_CLASS(ProcrustesDisparity);

}  // namespace metrics
