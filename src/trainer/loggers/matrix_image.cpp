#include "matrix_image.h"

#include <ATen/ops/full.h>

#include <algorithm>
#include <array>
#include <string>

namespace metrics::trainer {
namespace {

using Colour = std::array<uint8_t, 3>;

constexpr Colour all_of_a_row = {8, 48, 107}, none_of_it = {255, 255, 255}, of_lines = {200, 200, 200},
                 of_digits = {0, 0, 0};
constexpr int64_t greatest_cell = 32, numbered_cell = 16, whole_side = 1024;

/// Three by five dots a digit, a line after the other, the first dot the highest bit.
constexpr std::array<uint16_t, 10> digit_dots = {
    0b111101101101111, 0b010110010010111, 0b111001111100111, 0b111001111001111, 0b101101111001001,
    0b111100111001111, 0b111100111101111, 0b111001010010010, 0b111101111101111, 0b111101111001111};
constexpr int64_t dot = 2, digit_height = 5 * dot, digit_step = 4 * dot;

class Canvas {
 public:
  Canvas(int64_t height, int64_t width)
      : width_(width),
        pixels_(at::full({height, width, 3}, 255, at::kByte)),
        bytes_(pixels_.mutable_data_ptr<uint8_t>()) {}

  void fill(int64_t top, int64_t left, int64_t height, int64_t width, const Colour& colour) {
    for (int64_t y = top; y < top + height; ++y)
      for (int64_t x = left; x < left + width; ++x)
        std::copy(colour.begin(), colour.end(), bytes_ + 3 * (y * width_ + x));
  }

  void number(int64_t top, int64_t left, int64_t value) {
    for (const char digit : std::to_string(value)) {
      for (int64_t i = 0; i < 15; ++i)
        if ((digit_dots[static_cast<size_t>(digit - '0')] >> (14 - i) & 1) != 0)
          fill(top + i / 3 * dot, left + i % 3 * dot, dot, dot, of_digits);
      left += digit_step;
    }
  }

  at::Tensor take() { return std::move(pixels_); }

 private:
  int64_t width_;
  at::Tensor pixels_;
  uint8_t* bytes_;
};

Colour colour_of(double fraction) {
  Colour colour{};
  for (size_t i = 0; i < 3; ++i)
    colour[i] = static_cast<uint8_t>(none_of_it[i] + fraction * (all_of_a_row[i] - none_of_it[i]) + 0.5);
  return colour;
}

}  // namespace

bool is_drawn_matrix(const at::Tensor& value) {
  return value.defined() && value.dim() == 2 && value.size(0) == value.size(1) && value.size(0) > 1 &&
         value.size(0) <= kMostDrawnClasses && !value.is_complex();
}

at::Tensor matrix_image(const at::Tensor& matrix) {
  const at::Tensor values = matrix.detach().cpu().to(at::kDouble).contiguous();
  const int64_t classes = values.size(0), cell = std::clamp<int64_t>(whole_side / classes, 1, greatest_cell);
  const bool numbered = cell >= numbered_cell;
  const int64_t margin = numbered ? 2 * digit_step + dot : 0, grid = cell >= 4 ? 1 : 0;
  Canvas canvas(margin + classes * cell + grid, margin + classes * cell + grid);
  if (grid > 0) canvas.fill(margin, margin, classes * cell + grid, classes * cell + grid, of_lines);
  const double* row = values.const_data_ptr<double>();
  for (int64_t truth = 0; truth < classes; ++truth, row += classes) {
    double sum = 0;
    for (int64_t pred = 0; pred < classes; ++pred) sum += row[pred] > 0 ? row[pred] : 0;
    for (int64_t pred = 0; pred < classes; ++pred) {
      const double fraction = row[pred] > 0 && sum > 0 ? row[pred] / sum : 0;
      canvas.fill(margin + truth * cell + grid, margin + pred * cell + grid, cell - grid, cell - grid,
                  colour_of(fraction <= 1 ? fraction : 0));
    }
    if (!numbered) continue;
    const int64_t middle = margin + truth * cell + (cell - digit_height) / 2;
    const int64_t long_ = static_cast<int64_t>(std::to_string(truth).size()) * digit_step - dot;
    canvas.number(middle, margin - dot - long_, truth);
    canvas.number(margin - dot - digit_height, margin + truth * cell + (cell + 1 - long_) / 2, truth);
  }
  return canvas.take();
}

}  // namespace metrics::trainer
