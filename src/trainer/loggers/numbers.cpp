#include "numbers.h"

#include <metrics/core/errors.h>

#include <ATen/ops/item.h>
#include <ATen/ops/unbind.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <iomanip>
#include <locale>
#include <sstream>

namespace metrics::trainer {
namespace {

bool is_real(const at::Tensor& value) {
  const at::ScalarType type = value.scalar_type();
  return at::isIntegralType(type, true) || at::isFloatingType(type);
}

nlohmann::ordered_json json_of_parts(const at::Tensor& value) {
  if (value.dim() > 0) {
    auto parts = nlohmann::ordered_json::array();
    for (const at::Tensor& part : value.unbind()) parts.push_back(json_of_parts(part));
    return parts;
  }
  if (!is_real(value)) return nullptr;
  if (at::isIntegralType(value.scalar_type(), true)) return value.item<int64_t>();
  const double number = value.item<double>();
  if (!std::isfinite(number)) return nullptr;
  return number;
}

}  // namespace

bool is_number(const at::Tensor& value) {
  return value.defined() && value.numel() == 1 && is_real(value);
}

void require_numbers(const StageValues& values) {
  for (const auto& [name, value] : values) {
    if (is_number(value)) continue;
    std::ostringstream got;
    if (value.defined()) {
      got << value.scalar_type() << " of " << value.sizes();
    } else {
      got << "an undefined tensor";
    }
    throw InvalidArgument("`" + name + "`: what is logged for a step is a single real number, got " + got.str());
  }
}

std::string number_text(const at::Tensor& value, int digits) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  if (at::isIntegralType(value.scalar_type(), true)) {
    text << value.item<int64_t>();
  } else {
    text << std::setprecision(digits) << value.item<double>();
  }
  return text.str();
}

int64_t step_of(const Run& run) {
  const bool within_batch = run.rows != nullptr;
  return run.step + (within_batch && run.training && !run.stepped ? 1 : 0);
}

nlohmann::ordered_json json_of(const at::Tensor& value) {
  if (!value.defined()) return nullptr;
  return json_of_parts(value.detach().cpu());
}

}  // namespace metrics::trainer
