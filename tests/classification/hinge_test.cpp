#include <metrics/classification/hinge.h>

#include <ATen/ops/allclose.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <doctest/doctest.h>

using metrics::classification::MulticlassMode;
using metrics::classification::ScoreInput;

TEST_CASE("hinge loss: with gradients it is what the kernels give, and gradients reach the scores") {
  for (const auto input : {ScoreInput::Auto, ScoreInput::Logits, ScoreInput::Probabilities}) {
    for (const bool squared : {false, true}) {
      const at::Tensor scores = at::randn({40}), target = at::randint(2, {40}, at::kLong);
      const at::Tensor plain =
          metrics::functional::binary_hinge_loss(scores, target, {.squared = squared, .input = input});
      const at::Tensor followed = scores.clone().requires_grad_();
      metrics::BinaryHingeLoss metric({.squared = squared, .input = input});
      const at::Tensor loss = metric(followed, target);
      CHECK(at::allclose(loss.detach().to(at::kDouble), plain.to(at::kDouble), 1e-6));
      loss.backward();
      CHECK(followed.grad().abs().sum().item<float>() > 0);
      for (const auto mode : {MulticlassMode::CrammerSinger, MulticlassMode::OneVsAll}) {
        const at::Tensor rows = at::randn({40, 5}), classes = at::randint(5, {40}, at::kLong);
        const at::Tensor of_classes = metrics::functional::multiclass_hinge_loss(
            rows, classes, {.num_classes = 5, .squared = squared, .multiclass_mode = mode, .input = input});
        const at::Tensor followed_rows = rows.clone().requires_grad_();
        metrics::MulticlassHingeLoss of_rows(
            {.num_classes = 5, .squared = squared, .multiclass_mode = mode, .input = input});
        const at::Tensor losses = of_rows(followed_rows, classes);
        CHECK(at::allclose(losses.detach().to(at::kDouble), of_classes.to(at::kDouble), 1e-6));
        losses.sum().backward();
        CHECK(followed_rows.grad().abs().sum().item<float>() > 0);
      }
    }
  }
}
