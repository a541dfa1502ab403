#include "averaging.h"
#include <metrics/classification/f_beta.h>
#include <metrics/core/define.h>

#include <cmath>

namespace metrics {

using namespace classification;

namespace {

Tensor f_beta(const Counts& counts, const Scoring& how, double beta) {
  const double squared = beta * beta;
  return averaged(counts, how.whatever_top_k(), [&](const Counts& c) {
    const Tensor right = (1 + squared) * c.tp;
    return ratio(right, right + squared * c.fn + c.fp, how.zero_division);
  });
}

template <class Counting>
void check_f_beta(const auto& o) {
  if (o.validate_args && !(o.beta > 0 && std::isfinite(o.beta * o.beta))) {
    throw InvalidArgument("beta: expected a number above 0 whose square is finite, got " + describe(o.beta.value()));
  }
  Counting::check(subset<typename Counting::Options>(o));
}

}  // namespace

Tensor scores::F1Score::value(const Counts& counts, const Scoring& how) {
  return f_beta(counts, how, 1);
}

Tensor scores::FBetaScore::value(const Counts& counts, const BinaryFBetaScoreOptions& o) {
  return f_beta(counts, subset<BinaryStatScoresOptions>(o), o.beta);
}

Tensor scores::FBetaScore::value(const Counts& counts, const MulticlassFBetaScoreOptions& o) {
  return f_beta(counts, subset<MulticlassStatScoresOptions>(o), o.beta);
}

Tensor scores::FBetaScore::value(const Counts& counts, const MultilabelFBetaScoreOptions& o) {
  return f_beta(counts, subset<MultilabelStatScoresOptions>(o), o.beta);
}

void definitions::BinaryFBetaScore::check(const Options& o) {
  check_f_beta<BinaryCounting>(o);
}

void definitions::MulticlassFBetaScore::check(const Options& o) {
  check_f_beta<MulticlassCounting>(o);
}

void definitions::MultilabelFBetaScore::check(const Options& o) {
  check_f_beta<MultilabelCounting>(o);
}

METRICS_DEFINE(definitions::BinaryF1Score);
METRICS_DEFINE(definitions::MulticlassF1Score);
METRICS_DEFINE(definitions::MultilabelF1Score);
METRICS_DEFINE(definitions::BinaryFBetaScore);
METRICS_DEFINE(definitions::MulticlassFBetaScore);
METRICS_DEFINE(definitions::MultilabelFBetaScore);

}  // namespace metrics
