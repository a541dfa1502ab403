#include <metrics/classification/accuracy.h>
#include <metrics/classification/cohen_kappa.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/hamming.h>
#include <metrics/classification/jaccard.h>
#include <metrics/classification/matthews_corrcoef.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/update_together.h>

#include <ATen/Context.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include <doctest/doctest.h>

#include <cmath>
#include <string>

// Which members of a family share an update, and what a router takes for granted.

namespace {

using namespace metrics;
using namespace metrics::classification;

template <class M>
std::string key(const typename M::Options& options) {
  return M(options).update_key();
}

}  // namespace

TEST_CASE("families: metrics over the same counts have one update key, whatever they make of them") {
  const std::string counts = key<MulticlassAccuracy>({.num_classes = 5});
  CHECK(key<MulticlassStatScores>({.num_classes = 5, .average = Average::None}) == counts);
  CHECK(key<MulticlassPrecision>({.num_classes = 5, .average = Average::Weighted, .zero_division = 1}) == counts);
  CHECK(key<MulticlassF1Score>({.num_classes = 5}) == counts);
  CHECK(key<MulticlassFBetaScore>({.beta = 2, .num_classes = 5}) == counts);
  CHECK(key<MulticlassFBetaScore>({.beta = 0.5, .num_classes = 5, .average = Average::None}) == counts);
  // Counted in one cell.
  const std::string together = key<MulticlassAccuracy>({.num_classes = 5, .average = Average::Micro});
  CHECK(together != counts);
  CHECK(key<MulticlassFBetaScore>({.beta = 2, .num_classes = 5, .average = Average::Micro}) == together);
  CHECK(key<MulticlassRecall>({.num_classes = 5, .top_k = 2, .average = Average::Micro}) ==
        key<MulticlassRecall>({.num_classes = 5, .top_k = 2, .average = Average::Macro}));
  CHECK(key<BinaryFBetaScore>({.beta = 3}) == key<BinaryHammingDistance>({}));
  CHECK(key<MultilabelFBetaScore>({.beta = 3, .num_labels = 4}) == key<MultilabelHammingDistance>({.num_labels = 4}));

  const std::string pairs = key<MulticlassConfusionMatrix>({.num_classes = 5});
  CHECK(pairs != counts);
  CHECK(key<MulticlassConfusionMatrix>({.num_classes = 5, .normalize = Normalize::Pred}) == pairs);
  CHECK(key<MulticlassCohenKappa>({.num_classes = 5, .weights = KappaWeights::Linear}) == pairs);
  CHECK(key<MulticlassMatthewsCorrCoef>({.num_classes = 5}) == pairs);
  CHECK(key<MulticlassJaccardIndex>({.num_classes = 5, .average = Average::None, .zero_division = 1}) == pairs);
  CHECK(key<BinaryCohenKappa>({.weights = KappaWeights::Linear}) == key<BinaryConfusionMatrix>({}));
  CHECK(key<BinaryMatthewsCorrCoef>({}) == key<BinaryJaccardIndex>({.zero_division = 1}));
  CHECK(key<MultilabelMatthewsCorrCoef>({.num_labels = 4}) == key<MultilabelJaccardIndex>({.num_labels = 4}));
}

TEST_CASE("families: what changes how is counted changes the update key") {
  const std::string counts = key<MulticlassRecall>({.num_classes = 5});
  for (const MulticlassStatScoresOptions& other :
       std::vector<MulticlassStatScoresOptions>{{.num_classes = 6},
                                                {.num_classes = 5, .top_k = 2},
                                                {.num_classes = 5, .multidim_average = MultidimAverage::Samplewise},
                                                {.num_classes = 5, .ignore_index = 0},
                                                {.num_classes = 5, .validate_args = false}}) {
    CHECK(key<MulticlassRecall>(other) != counts);
  }
  const std::string pairs = key<BinaryCohenKappa>({});
  for (const BinaryCohenKappaOptions& other : std::vector<BinaryCohenKappaOptions>{
           {.threshold = 0.3}, {.ignore_index = -1}, {.validate_args = false}, {.input = ScoreInput::Logits}}) {
    CHECK(key<BinaryCohenKappa>(other) != pairs);
  }
  CHECK(key<MulticlassJaccardIndex>({.num_classes = 5, .ignore_index = 0}) !=
        key<MulticlassJaccardIndex>({.num_classes = 5}));
  CHECK(key<MultilabelJaccardIndex>({.num_labels = 5, .threshold = 0.3}) !=
        key<MultilabelJaccardIndex>({.num_labels = 5}));
}

TEST_CASE("families: updated together, each has the value that it has alone") {
  at::manual_seed(5);
  const Tensor preds = at::rand({40, 5}), target = at::randint(5, {40}, at::kLong);
  MulticlassConfusionMatrix matrix({.num_classes = 5});
  MulticlassCohenKappa kappa({.num_classes = 5, .weights = KappaWeights::Quadratic});
  MulticlassMatthewsCorrCoef correlation({.num_classes = 5});
  MulticlassJaccardIndex jaccard({.num_classes = 5});
  MulticlassFBetaScore f2({.beta = 2, .num_classes = 5});
  MulticlassPrecision precision({.num_classes = 5});
  for (int i = 0; i < 2; ++i)
    update_together({matrix, kappa, correlation, jaccard, f2, precision}, preds.slice(0, 20 * i, 20 * i + 20),
                    target.slice(0, 20 * i, 20 * i + 20));
  CHECK(matrix.compute().equal(functional::multiclass_confusion_matrix(preds, target, matrix.options())));
  CHECK(kappa.compute().equal(functional::multiclass_cohen_kappa(preds, target, kappa.options())));
  CHECK(correlation.compute().equal(functional::multiclass_matthews_corrcoef(preds, target, correlation.options())));
  CHECK(jaccard.compute().equal(functional::multiclass_jaccard_index(preds, target, jaccard.options())));
  CHECK(f2.compute().equal(functional::multiclass_fbeta_score(preds, target, f2.options())));
  CHECK(precision.compute().equal(functional::multiclass_precision(preds, target, precision.options())));
}

TEST_CASE("families: an F-score needs a beta whose square is a number") {
  for (const double beta : {double{INFINITY}, double{NAN}, 1e200}) {
    CHECK_THROWS_WITH_AS(BinaryFBetaScore({.beta = beta}), doctest::Contains("beta: expected a number above 0"),
                         metrics::InvalidArgument);
  }
}

TEST_CASE("families: a task's F-score has beta 1 unless it is given") {
  CHECK(create("FBetaScore", {{"task", "binary"}})->to_string().find("beta=1") != std::string::npos);
  CHECK(create("FBetaScore", {{"task", "binary"}, {"beta", 0.5}})->to_string().find("beta=0.5") != std::string::npos);
  CHECK_THROWS_AS(create("BinaryFBetaScore", Kwargs{}), InvalidArgument);
}
