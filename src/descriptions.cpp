// Written by scripts/describe.py from the comments of the headers.

#include <metrics/core/registry.h>

#include <algorithm>
#include <array>
#include <string>

namespace metrics::detail {

namespace {

struct Description {
  std::string_view of, text;
};

constexpr std::array<Description, 434> sorted{{
    {"AggregatorOptions.nan_strategy", "A strategy, or the number to put in place of NaN (with weight 1)."},
    {"BinaryAUROC",
     "Computes the area under the receiver operating characteristic by the trapezoidal rule: without "
     "thresholds, how probably a positive sample scores higher than a negative one, ties counting half."},
    {"BinaryAUROC.preds", "Scores [N, ...]."},
    {"BinaryAUROC.target", "Labels of the same shape."},
    {"BinaryAccuracy", "Computes the fraction of right answers, (tp + tn) / all; samplewise [N]. 0 without any."},
    {"BinaryAccuracy.preds", "Scores or labels [N, ...]."},
    {"BinaryAccuracy.target", "Labels of the same shape."},
    {"BinaryAveragePrecision",
     "Computes the mean of the precisions at each threshold, weighted by the gain of recall there."},
    {"BinaryAveragePrecision.preds", "Scores [N, ...]."},
    {"BinaryAveragePrecision.target", "Labels of the same shape."},
    {"BinaryCohenKappa",
     "Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of "
     "labels, where o counts a pair, e is what it would count if the two were independent, and w the weight of "
     "such a mistake."},
    {"BinaryCohenKappa.preds", "Scores or labels [N, ...]."},
    {"BinaryCohenKappa.target", "Labels of the same shape."},
    {"BinaryConfusionMatrix",
     "Counts each pair of target (row) and prediction (column): [2, 2], int64, or floating when normalised."},
    {"BinaryConfusionMatrix.preds", "Scores or labels [N, ...]."},
    {"BinaryConfusionMatrix.target", "Labels of the same shape."},
    {"BinaryEER",
     "Computes the equal error rate: the mean of the false positive rate and the false negative rate at the "
     "point of the ROC curve where they are closest, a scalar."},
    {"BinaryEER.preds", "Scores [N, ...]."},
    {"BinaryEER.target", "Labels of the same shape."},
    {"BinaryF1Score", "Computes the harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn); samplewise [N]."},
    {"BinaryF1Score.preds", "Scores or labels [N, ...]."},
    {"BinaryF1Score.target", "Labels of the same shape."},
    {"BinaryFBetaScore",
     "Computes the mean of precision and recall in which recall weighs β times as much, (1 + β²) tp / ((1 + "
     "β²) tp + β² fn + fp); samplewise [N]."},
    {"BinaryFBetaScore.preds", "Scores or labels [N, ...]."},
    {"BinaryFBetaScore.target", "Labels of the same shape."},
    {"BinaryHammingDistance",
     "Computes the fraction of wrong answers, (fp + fn) / all; samplewise [N]. 1 without any."},
    {"BinaryHammingDistance.preds", "Scores or labels [N, ...]."},
    {"BinaryHammingDistance.target", "Labels of the same shape."},
    {"BinaryJaccardIndex",
     "Computes what positive targets and predictions have in common, as a fraction of what is either, tp / (tp "
     "+ fp + fn)."},
    {"BinaryJaccardIndex.preds", "Scores or labels [N, ...]."},
    {"BinaryJaccardIndex.target", "Labels of the same shape."},
    {"BinaryLogAUC",
     "Computes the area under the ROC curve over the logarithm of the false positive rate, between two of "
     "these, divided by the area that a perfect curve has there: a scalar (Mysinger and Shoichet 2010)."},
    {"BinaryLogAUC.preds", "Scores [N, ...]."},
    {"BinaryLogAUC.target", "Labels of the same shape."},
    {"BinaryMatthewsCorrCoef",
     "Computes the correlation of predictions and targets, (tp tn - fp fn) / √((tp + fp) (tp + fn) (tn + fp) "
     "(tn + fn))."},
    {"BinaryMatthewsCorrCoef.preds", "Scores or labels [N, ...]."},
    {"BinaryMatthewsCorrCoef.target", "Labels of the same shape."},
    {"BinaryNegativePredictiveValue",
     "Computes the fraction of the no answers that are right, tn / (tn + fn); samplewise [N]."},
    {"BinaryNegativePredictiveValue.preds", "Scores or labels [N, ...]."},
    {"BinaryNegativePredictiveValue.target", "Labels of the same shape."},
    {"BinaryPrecision", "Computes the fraction of the yes answers that are right, tp / (tp + fp); samplewise [N]."},
    {"BinaryPrecision.preds", "Scores or labels [N, ...]."},
    {"BinaryPrecision.target", "Labels of the same shape."},
    {"BinaryPrecisionAtFixedRecall",
     "Finds the greatest precision, tp / (tp + fp), at a threshold where recall, tp / (tp + fn), is at least "
     "`min_recall`; and that threshold."},
    {"BinaryPrecisionAtFixedRecall.preds", "Scores [N, ...]."},
    {"BinaryPrecisionAtFixedRecall.target", "Labels of the same shape."},
    {"BinaryPrecisionRecallCurve", "Computes precision tp / (tp + fp) and recall tp / (tp + fn) at each threshold."},
    {"BinaryPrecisionRecallCurve.preds", "Scores [N, ...]."},
    {"BinaryPrecisionRecallCurve.target", "Labels of the same shape."},
    {"BinaryROC",
     "Computes the false positive rate fp / (fp + tn) and the true positive rate tp / (tp + fn) at each "
     "threshold."},
    {"BinaryROC.preds", "Scores [N, ...]."},
    {"BinaryROC.target", "Labels of the same shape."},
    {"BinaryRecall", "Computes the fraction of the positive targets that are found, tp / (tp + fn); samplewise [N]."},
    {"BinaryRecall.preds", "Scores or labels [N, ...]."},
    {"BinaryRecall.target", "Labels of the same shape."},
    {"BinaryRecallAtFixedPrecision",
     "Finds the greatest recall, tp / (tp + fn), at a threshold where precision, tp / (tp + fp), is at least "
     "`min_precision`; and that threshold."},
    {"BinaryRecallAtFixedPrecision.preds", "Scores [N, ...]."},
    {"BinaryRecallAtFixedPrecision.target", "Labels of the same shape."},
    {"BinarySensitivityAtSpecificity",
     "Finds the greatest sensitivity, tp / (tp + fn), at a threshold where specificity, tn / (tn + fp), is at "
     "least `min_specificity`; and that threshold."},
    {"BinarySensitivityAtSpecificity.preds", "Scores [N, ...]."},
    {"BinarySensitivityAtSpecificity.target", "Labels of the same shape."},
    {"BinarySpecificity",
     "Computes the fraction of the negative targets that are answered so, tn / (tn + fp); samplewise [N]. 0 "
     "without any."},
    {"BinarySpecificity.preds", "Scores or labels [N, ...]."},
    {"BinarySpecificity.target", "Labels of the same shape."},
    {"BinarySpecificityAtSensitivity",
     "Finds the greatest specificity, tn / (tn + fp), at a threshold where sensitivity, tp / (tp + fn), is at "
     "least `min_sensitivity`; and that threshold."},
    {"BinarySpecificityAtSensitivity.preds", "Scores [N, ...]."},
    {"BinarySpecificityAtSensitivity.target", "Labels of the same shape."},
    {"BinaryStatScores", "Counts tp, fp, tn, fn and the support tp + fn: int64 [5], or samplewise [N, 5]."},
    {"BinaryStatScores.preds", "Scores or labels [N, ...]."},
    {"BinaryStatScores.target", "Labels of the same shape."},
    {"BinaryTargetTransformer",
     "Makes targets 1 where they are greater than a threshold, else 0: floating ones as int64, since many "
     "binary metrics refuse floating labels, others in their own dtype."},
    {"BinaryTargetTransformer.threshold", "The number that targets of 1 are greater than."},
    {"BinaryTargetTransformer.wrapped_metric", "The metric that gets them."},
    {"BootStrapper",
     "Computes a metric's mean and spread over resamples of the data (Efron, 1979): confidence without a "
     "formula."},
    {"BootStrapper.base_metric", "The metric that each resample has a copy of."},
    {"BootStrapper.mean", "Of the values of the resamples, where the options ask for them."},
    {"BootStrapper.quantile", "Of the values of the resamples, where the options ask for them."},
    {"BootStrapper.raw", "Of the values of the resamples, where the options ask for them."},
    {"BootStrapper.std", "Of the values of the resamples, where the options ask for them."},
    {"BootStrapperOptions.mean", "Whether to give the mean over the resamples,"},
    {"BootStrapperOptions.num_bootstraps", "How many resamples; positive."},
    {"BootStrapperOptions.quantile",
     "their quantiles at one point of [0, 1] or several (resample by resample, for each element of the value),"},
    {"BootStrapperOptions.raw", "and the value of each."},
    {"BootStrapperOptions.sampling_strategy", "How a resample is drawn."},
    {"BootStrapperOptions.seed", "Equal seeds draw alike."},
    {"BootStrapperOptions.std", "their standard deviation (of a sample: by n - 1),"},
    {"CatMetric", "Gives all values one after the other along the first dimension, rank after rank."},
    {"CatMetric.value",
     "A number (one row) or a tensor [N, ...] of any real dtype, kept in the metric's dtype; where NaN is left "
     "out it is flattened."},
    {"Children", "The metrics that another is made of, each under a name."},
    {"ClasswiseWrapper", "Gives a metric with a value for each class as values by name: `prefix + label + postfix`."},
    {"ClasswiseWrapper.labels", "The classes' names; none: their numbers."},
    {"ClasswiseWrapper.metric", "The metric whose value has an element a class."},
    {"ClasswiseWrapper.postfix", "After each label."},
    {"ClasswiseWrapper.prefix", "Without prefix and postfix: the metric's class in small letters and `_`."},
    {"Composite",
     "A metric that is made of others and has no data of its own: base of collections, composed metrics and "
     "wrappers."},
    {"CompositionalMetric",
     "A value from those of other metrics, by a formula:    auto precision = "
     "share(MulticlassPrecision({.num_classes = 10}));   auto recall = share(MulticlassRecall({.num_classes = "
     "10}));   auto f1 = 2 * (precision * recall) / (precision + recall);   f1.update(preds, target);      // "
     "precision and recall see the batch once, whatever the formula   f1.compute();  Nothing is computed "
     "before `compute` and `forward`."},
    {"ConcordanceCorrCoef",
     "Computes how well predictions agree with targets, 2 cov(preds, target) / (var(preds) + var(target) + "
     "(mean(preds) - mean(target))²), with variances of a sample, from moments that survive any offset and any "
     "scale."},
    {"ConcordanceCorrCoef.preds",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"ConcordanceCorrCoef.target",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"ContinuousRankedProbabilityScore",
     "Computes how well ensembles of forecasts foresee what comes, the mean over rows of Σᵢ |xᵢ - y| / M - Σᵢⱼ "
     "|xᵢ - xⱼ| / (2 M²), in O(M log M) a row."},
    {"ContinuousRankedProbabilityScore.preds", "[N, M] of at least two members."},
    {"ContinuousRankedProbabilityScore.target", "[N]; real dtypes, also two different ones."},
    {"CosineSimilarity",
     "Computes the cosine of the angle between each prediction and its target, Σ predsᵢ targetᵢ / (‖preds‖ "
     "‖target‖)."},
    {"CosineSimilarity.preds", "[N, D] alike; real dtypes, also two different ones."},
    {"CosineSimilarity.target", "[N, D] alike; real dtypes, also two different ones."},
    {"CosineSimilarityOptions.reduction", "What becomes of the similarities of all rows."},
    {"CriticalSuccessIndex",
     "Computes the fraction of events that were foreseen among those that happened or were foreseen, hits / "
     "(hits + misses + false alarms), 0 where there are none."},
    {"CriticalSuccessIndex.preds",
     "One shape, any; numbers from `threshold` on are events, which is compared in their dtype; real dtypes, "
     "also two different ones."},
    {"CriticalSuccessIndex.target",
     "One shape, any; numbers from `threshold` on are events, which is compared in their dtype; real dtypes, "
     "also two different ones."},
    {"CriticalSuccessIndexOptions.keep_sequence_dim",
     "The dimension of the sequence, each index of which has a value of its own in each batch; unset: one "
     "value of all."},
    {"CriticalSuccessIndexOptions.threshold", "From which number on an event has happened or was foreseen."},
    {"CurvePlan", "A rule with what is worked out of it once, which copies share."},
    {"DivergenceOptions.log_prob",
     "Whether the inputs are logarithms of probabilities; if not, each row is divided by its sum."},
    {"DivergenceOptions.reduction", "What becomes of the divergences of all rows."},
    {"ExplainedVariance",
     "Computes how much of the targets' variance the predictions explain, 1 - var(target - preds) / "
     "var(target), in sums that survive any offset of numbers up to 2^500 in size."},
    {"ExplainedVariance.preds",
     "[N] or [N, …], an output for each of the other indices, as many in all batches; real dtypes, also two "
     "different ones."},
    {"ExplainedVariance.target",
     "[N] or [N, …], an output for each of the other indices, as many in all batches; real dtypes, also two "
     "different ones."},
    {"ExplainedVarianceOptions.multioutput", "What becomes of the scores of several outputs."},
    {"FeatureSource",
     "Where the features of images come from: they are the inputs themselves, so many a row, or a module of "
     "the user's makes them of the inputs."},
    {"FrechetInceptionDistance",
     "Computes the Fréchet distance of two normal distributions fitted to the features of real and of "
     "generated images, |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)."},
    {"FrechetInceptionDistance.imgs", "Features [N, d], or what the user's module takes, in real dtypes."},
    {"FrechetInceptionDistance.real", "Whether they are of the real population."},
    {"FrechetInceptionDistanceOptions.feature",
     "Where features come from: `.feature = 768` for inputs that are features, `.feature = {module, 768}`."},
    {"FrechetInceptionDistanceOptions.reset_real_features", "Whether `reset` forgets the real side too."},
    {"IntersectionOverUnion",
     "Computes the mean, over all images and pairs of a predicted and a true box with equal labels, of the "
     "area that both cover divided by the area that one or the other covers."},
    {"IntersectionOverUnion.preds", "For each image its boxes and labels, as many images on both sides."},
    {"IntersectionOverUnion.target", "For each image its boxes and labels, as many images on both sides."},
    {"IntersectionOverUnionOptions.box_format", "What the four numbers of a box are."},
    {"IntersectionOverUnionOptions.class_metrics", "Whether the result has a value for each label too."},
    {"IntersectionOverUnionOptions.iou_threshold", "Pairs below it are left out; unset: none is."},
    {"IntersectionOverUnionOptions.respect_labels", "Whether only boxes of equal labels are pairs."},
    {"JensenShannonDivergence",
     "Computes how far rows of `p` and of `q` are from one another: half the sum of their Kullback-Leibler "
     "divergences from the mean of both, from 0 to log 2."},
    {"JensenShannonDivergence.p",
     "[N, D] alike, probabilities, which are divided by the sums of their rows, or with `log_prob` their "
     "logarithms; real dtypes, also two different ones."},
    {"JensenShannonDivergence.q",
     "[N, D] alike, probabilities, which are divided by the sums of their rows, or with `log_prob` their "
     "logarithms; real dtypes, also two different ones."},
    {"KLDivergence",
     "Computes how far rows of `q` are from rows of `p`, Σ pᵢ log(pᵢ / qᵢ) of each row after both were divided "
     "by their sums, where a p of 0 counts nothing; with `log_prob` Σ exp(pᵢ) (pᵢ - qᵢ)."},
    {"KLDivergence.p", "[N, D] alike, probabilities or their logarithms; real dtypes, also two different ones."},
    {"KLDivergence.q", "[N, D] alike, probabilities or their logarithms; real dtypes, also two different ones."},
    {"KendallRankCorrCoef",
     "Computes the rank correlation of predictions and targets from the pairs of samples in whose order both "
     "agree (concordant) or disagree (discordant), in O(n log n): (c - d) / (c + d) with `variant` a, (c - d) "
     "/ √((p - p_x)(p - p_y)) with b, where p are all pairs and p_x, p_y those that tie, and 2 (c - d) / (n² "
     "(m - 1) / m) with c, where m is the smaller number of different numbers."},
    {"KendallRankCorrCoef.preds",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"KendallRankCorrCoef.target",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"KendallRankCorrCoefFunctionalOptions.alternative",
     "What the test holds against no association; needed for a test."},
    {"KendallRankCorrCoefFunctionalOptions.t_test",
     "Whether to give the probability of such a coefficient without an association, too."},
    {"KendallRankCorrCoefFunctionalOptions.variant",
     "By what the difference of concordant and discordant pairs is divided."},
    {"KendallRankCorrCoefOptions.alternative", "What the test holds against no association; needed for a test."},
    {"KendallRankCorrCoefOptions.num_outputs", "Columns of the inputs, each with a coefficient of its own."},
    {"KendallRankCorrCoefOptions.t_test",
     "Whether to give the probability of such a coefficient without an association, too."},
    {"KendallRankCorrCoefOptions.variant", "By what the difference of concordant and discordant pairs is divided."},
    {"LambdaInputTransformer", "Hands predictions and targets on through functions of the user's."},
    {"LambdaInputTransformer.transform_pred", "None: as they are."},
    {"LambdaInputTransformer.transform_target", "None: as it is."},
    {"LambdaInputTransformer.wrapped_metric", "The metric that gets what the functions return."},
    {"LogCoshError",
     "Computes the mean of the logarithms of the hyperbolic cosines of the errors, Σ log cosh(predsᵢ - "
     "targetᵢ) / n, which grows as squares for small errors and as their size for large ones, however large."},
    {"LogCoshError.preds",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"LogCoshError.target",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"LogCoshErrorOptions.num_outputs", "Columns of the inputs, each with an error of its own."},
    {"MaxMetric", "Computes the largest value seen, -inf before the first."},
    {"MaxMetric.value", "A number or a tensor of any shape and real dtype."},
    {"MeanAbsoluteError", "Computes the mean of the absolute errors, Σ |predsᵢ - targetᵢ| / n."},
    {"MeanAbsoluteError.preds",
     "One shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"MeanAbsoluteError.target",
     "One shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"MeanAbsoluteErrorOptions.num_outputs",
     "Columns of the inputs that have an error each; with 1 all elements have one together."},
    {"MeanAbsolutePercentageError",
     "Computes the mean of the absolute errors as fractions of the targets, Σ |predsᵢ - targetᵢ| / "
     "max(|targetᵢ|, 1.17e-6) / n."},
    {"MeanAbsolutePercentageError.preds", "One shape, any; real dtypes, also two different ones."},
    {"MeanAbsolutePercentageError.target", "One shape, any; real dtypes, also two different ones."},
    {"MeanMetric", "Computes the weighted mean Σ wᵢ xᵢ / Σ wᵢ."},
    {"MeanMetric.value", "A number or a tensor of any shape and real dtype."},
    {"MeanMetric.weight", "1 by default, else broadcast to `value`."},
    {"MeanSquaredError",
     "Computes the mean of the squared errors, Σ (predsᵢ - targetᵢ)² / n, or with `squared` off its root."},
    {"MeanSquaredError.preds",
     "One shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"MeanSquaredError.target",
     "One shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"MeanSquaredErrorOptions.num_outputs",
     "Columns of the inputs that have an error each; with 1 all elements have one together."},
    {"MeanSquaredErrorOptions.squared", "Whether to give the mean squared error; its root if not."},
    {"MeanSquaredLogError",
     "Computes the mean of the squared errors of logarithms, Σ (log(1 + predsᵢ) - log(1 + targetᵢ))² / n."},
    {"MeanSquaredLogError.preds", "One shape, any; real dtypes, also two different ones."},
    {"MeanSquaredLogError.target", "One shape, any; real dtypes, also two different ones."},
    {"MetricCollection", "Metrics under names, updated, computed and synchronised together."},
    {"MetricCollection.metrics",
     "The members, a list of metrics under their classes' names or a dict under names of their own."},
    {"MetricCollection.postfix", "After each."},
    {"MetricCollection.prefix", "Before each name of a value."},
    {"MetricHandle",
     "A metric for one that is made of others: a handle, or a metric that the other owns from then on."},
    {"MetricInputTransformer",
     "Hands inputs on to a metric (or a collection) after changing its predictions and targets: base of such "
     "wrappers.    class RoundedPreds : public MetricInputTransformer {    public:     using "
     "MetricInputTransformer::MetricInputTransformer;     std::string_view name() const override { return "
     "\"RoundedPreds\"; }     std::unique_ptr<Metric> clone() const override { return "
     "std::make_unique<RoundedPreds>(*this); }    protected:     Tensor transform_pred(const Tensor& pred) "
     "const override { return pred.round(); }   };  The first two inputs are the predictions and the target, "
     "whether they come by position or by name (in torchmetrics by position alone); the others are handed on "
     "as they are, and so are these two where they are no tensors or numbers but something that is not to be "
     "transformed."},
    {"MetricTracker",
     "Keeps a metric, or a collection of them, for each of several steps, such as epochs, and finds the best."},
    {"MinMaxMetric",
     "Computes a metric, and the least and the greatest of the values that `compute` and `forward` have given "
     "so far."},
    {"MinMaxMetric.base_metric", "The metric that is computed, to one element."},
    {"MinMaxMetric.max", "The greatest so far."},
    {"MinMaxMetric.min", "The least so far."},
    {"MinMaxMetric.raw", "Its value."},
    {"MinMetric", "Computes the smallest value seen, inf before the first."},
    {"MinMetric.value", "A number or a tensor of any shape and real dtype."},
    {"MinkowskiDistance",
     "Computes the distance of all predictions from all targets, (Σ |predsᵢ - targetsᵢ|ᵖ)^(1/p); the Euclidean "
     "one for p = 2."},
    {"MinkowskiDistance.preds", "One shape, any; real dtypes, also two different ones."},
    {"MinkowskiDistance.targets", "One shape, any; real dtypes, also two different ones."},
    {"MinkowskiDistanceOptions.p", "The exponent of the differences, a finite number of at least 1."},
    {"MulticlassAUROC",
     "Computes the area under the receiver operating characteristic of each class against all others, averaged "
     "(with average none: [C])."},
    {"MulticlassAUROC.preds", "Scores [N, C, ...]."},
    {"MulticlassAUROC.target", "Classes [N, ...]."},
    {"MulticlassAccuracy",
     "Computes the fraction of a class's samples that are predicted so, tp / (tp + fn), averaged over classes "
     "(with average none: [C]); samplewise one per sample. 0 without any samples."},
    {"MulticlassAccuracy.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassAccuracy.target", "[N, ...]."},
    {"MulticlassAveragePrecision",
     "Computes the average precision of each class against all others, averaged (with average none: [C])."},
    {"MulticlassAveragePrecision.preds", "Scores [N, C, ...]."},
    {"MulticlassAveragePrecision.target", "Classes [N, ...]."},
    {"MulticlassCohenKappa",
     "Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of "
     "classes, where o counts a pair, e is what it would count if the two were independent, and w the weight "
     "of such a mistake."},
    {"MulticlassCohenKappa.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassCohenKappa.target", "[N, ...]."},
    {"MulticlassConfusionMatrix",
     "Counts each pair of target (row) and predicted class (column): [C, C], int64, or floating when "
     "normalised."},
    {"MulticlassConfusionMatrix.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassConfusionMatrix.target", "[N, ...]."},
    {"MulticlassEER", "Computes the equal error rate of each class: [C]; of the averaged ROC curve a scalar."},
    {"MulticlassEER.preds", "Scores [N, C, ...]."},
    {"MulticlassEER.target", "Classes [N, ...]."},
    {"MulticlassExactMatch",
     "Computes the fraction of samples that are right as a whole, at every position; samplewise [N], each 1 or "
     "0. 0 without any samples."},
    {"MulticlassExactMatch.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassExactMatch.target", "[N, ...]."},
    {"MulticlassF1Score",
     "Computes the harmonic mean of a class's precision and recall, 2 tp / (2 tp + fp + fn), averaged over "
     "classes (with average none: [C]); samplewise one per sample."},
    {"MulticlassF1Score.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassF1Score.target", "[N, ...]."},
    {"MulticlassFBetaScore",
     "Computes the mean of a class's precision and recall in which recall weighs β times as much, (1 + β²) tp "
     "/ ((1 + β²) tp + β² fn + fp), averaged over classes (with average none: [C]); samplewise one per sample."},
    {"MulticlassFBetaScore.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassFBetaScore.target", "[N, ...]."},
    {"MulticlassHammingDistance",
     "Computes the fraction of a class's samples that are not predicted so, fn / (tp + fn), averaged over "
     "classes (with average none: [C]); samplewise one per sample. 1 without any samples."},
    {"MulticlassHammingDistance.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassHammingDistance.target", "[N, ...]."},
    {"MulticlassJaccardIndex",
     "Computes what the samples of a class and those predicted so have in common, as a fraction of what is "
     "either, tp / (tp + fp + fn), averaged over classes (with average none: [C])."},
    {"MulticlassJaccardIndex.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassJaccardIndex.target", "[N, ...]."},
    {"MulticlassLogAUC", "Computes the same area for each class: [C], or their mean, a scalar."},
    {"MulticlassLogAUC.preds", "Scores [N, C, ...]."},
    {"MulticlassLogAUC.target", "Classes [N, ...]."},
    {"MulticlassMatthewsCorrCoef",
     "Computes the correlation of predicted and true classes, (c s - Σ pₖ tₖ) / √((s² - Σ pₖ²) (s² - Σ tₖ²)) "
     "for s samples, c of them right, pₖ predicted as class k and tₖ of it. 0 where that is 0/0; of two "
     "classes, as BinaryMatthewsCorrCoef."},
    {"MulticlassMatthewsCorrCoef.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassMatthewsCorrCoef.target", "[N, ...]."},
    {"MulticlassNegativePredictiveValue",
     "Computes the fraction of the samples predicted as another class that belong to another, tn / (tn + fn), "
     "averaged over classes (with average none: [C]); samplewise one per sample."},
    {"MulticlassNegativePredictiveValue.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassNegativePredictiveValue.target", "[N, ...]."},
    {"MulticlassPrecision",
     "Computes the fraction of the samples predicted as a class that belong to it, tp / (tp + fp), averaged "
     "over classes (with average none: [C]); samplewise one per sample."},
    {"MulticlassPrecision.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassPrecision.target", "[N, ...]."},
    {"MulticlassPrecisionAtFixedRecall",
     "Finds for each class what BinaryPrecisionAtFixedRecall finds for one: [C] and [C]."},
    {"MulticlassPrecisionAtFixedRecall.preds", "Scores [N, C, ...]."},
    {"MulticlassPrecisionAtFixedRecall.target", "Classes [N, ...]."},
    {"MulticlassPrecisionRecallCurve", "Computes the precision-recall curve of each class against all others."},
    {"MulticlassPrecisionRecallCurve.preds", "Scores [N, C, ...]."},
    {"MulticlassPrecisionRecallCurve.target", "Classes [N, ...]."},
    {"MulticlassROC", "Computes the receiver operating characteristic of each class against all others."},
    {"MulticlassROC.preds", "Scores [N, C, ...]."},
    {"MulticlassROC.target", "Classes [N, ...]."},
    {"MulticlassRecall",
     "Computes the fraction of a class's samples that are predicted so, tp / (tp + fn), averaged over classes "
     "(with average none: [C]); samplewise one per sample."},
    {"MulticlassRecall.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassRecall.target", "[N, ...]."},
    {"MulticlassRecallAtFixedPrecision",
     "Finds for each class what BinaryRecallAtFixedPrecision finds for one: [C] and [C]."},
    {"MulticlassRecallAtFixedPrecision.preds", "Scores [N, C, ...]."},
    {"MulticlassRecallAtFixedPrecision.target", "Classes [N, ...]."},
    {"MulticlassSensitivityAtSpecificity",
     "Finds for each class what BinarySensitivityAtSpecificity finds for one: [C] and [C]."},
    {"MulticlassSensitivityAtSpecificity.preds", "Scores [N, C, ...]."},
    {"MulticlassSensitivityAtSpecificity.target", "Classes [N, ...]."},
    {"MulticlassSpecificity",
     "Computes the fraction of the samples of other classes that are predicted as another, tn / (tn + fp), "
     "averaged over classes (with average none: [C]); samplewise one per sample. 0 without any."},
    {"MulticlassSpecificity.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassSpecificity.target", "[N, ...]."},
    {"MulticlassSpecificityAtSensitivity",
     "Finds for each class what BinarySpecificityAtSensitivity finds for one: [C] and [C]."},
    {"MulticlassSpecificityAtSensitivity.preds", "Scores [N, C, ...]."},
    {"MulticlassSpecificityAtSensitivity.target", "Classes [N, ...]."},
    {"MulticlassStatScores",
     "Counts tp, fp, tn, fn and the support of classes: [5], or [C, 5] with average none; samplewise one such "
     "per sample."},
    {"MulticlassStatScores.preds", "Labels [N, ...] or scores [N, C, ...]."},
    {"MulticlassStatScores.target", "[N, ...]."},
    {"MultilabelAUROC",
     "Computes the area under the receiver operating characteristic of each label, averaged (with average "
     "none: [L])."},
    {"MultilabelAUROC.preds", "Scores [N, L, ...]."},
    {"MultilabelAUROC.target", "Labels of the same shape."},
    {"MultilabelAccuracy",
     "Computes the fraction of right answers to a label, (tp + tn) / all, averaged over labels (with average "
     "none: [L]); samplewise one per sample. 0 without any."},
    {"MultilabelAccuracy.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelAccuracy.target", "Labels, as `preds`."},
    {"MultilabelAveragePrecision", "Computes the average precision of each label, averaged (with average none: [L])."},
    {"MultilabelAveragePrecision.preds", "Scores [N, L, ...]."},
    {"MultilabelAveragePrecision.target", "Labels of the same shape."},
    {"MultilabelConfusionMatrix",
     "Counts each pair of target (row) and prediction (column) for each label: [L, 2, 2], int64, or floating "
     "when normalised (each label's matrix on its own)."},
    {"MultilabelConfusionMatrix.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelConfusionMatrix.target", "Labels, as `preds`."},
    {"MultilabelEER", "Computes the equal error rate of each label: [L]."},
    {"MultilabelEER.preds", "Scores [N, L, ...]."},
    {"MultilabelEER.target", "Labels, as `preds`."},
    {"MultilabelExactMatch",
     "Computes the fraction of positions (samples, where they have none) at which all labels are right; "
     "samplewise [N]. 0 without any."},
    {"MultilabelExactMatch.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelExactMatch.target", "Labels, as `preds`."},
    {"MultilabelF1Score",
     "Computes the harmonic mean of a label's precision and recall, 2 tp / (2 tp + fp + fn), averaged over "
     "labels (with average none: [L]); samplewise one per sample."},
    {"MultilabelF1Score.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelF1Score.target", "Labels, as `preds`."},
    {"MultilabelFBetaScore",
     "Computes the mean of a label's precision and recall in which recall weighs β times as much, (1 + β²) tp "
     "/ ((1 + β²) tp + β² fn + fp), averaged over labels (with average none: [L]); samplewise one per sample."},
    {"MultilabelFBetaScore.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelFBetaScore.target", "Labels, as `preds`."},
    {"MultilabelHammingDistance",
     "Computes the fraction of wrong answers to a label, (fp + fn) / all, averaged over labels (with average "
     "none: [L]); samplewise one per sample. 1 without any."},
    {"MultilabelHammingDistance.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelHammingDistance.target", "Labels, as `preds`."},
    {"MultilabelJaccardIndex",
     "Computes what positive targets and predictions of a label have in common, as a fraction of what is "
     "either, tp / (tp + fp + fn), averaged over labels (with average none: [L])."},
    {"MultilabelJaccardIndex.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelJaccardIndex.target", "Labels, as `preds`."},
    {"MultilabelLogAUC", "Computes the same area for each label: [L], or their mean, a scalar."},
    {"MultilabelLogAUC.preds", "Scores [N, L, ...]."},
    {"MultilabelLogAUC.target", "Labels, as `preds`."},
    {"MultilabelMatthewsCorrCoef",
     "Computes the correlation of predictions and targets of all labels together, as BinaryMatthewsCorrCoef."},
    {"MultilabelMatthewsCorrCoef.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelMatthewsCorrCoef.target", "Labels, as `preds`."},
    {"MultilabelNegativePredictiveValue",
     "Computes the fraction of the no answers to a label that are right, tn / (tn + fn), averaged over labels "
     "(with average none: [L]); samplewise one per sample."},
    {"MultilabelNegativePredictiveValue.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelNegativePredictiveValue.target", "Labels, as `preds`."},
    {"MultilabelPrecision",
     "Computes the fraction of the yes answers to a label that are right, tp / (tp + fp), averaged over labels "
     "(with average none: [L]); samplewise one per sample."},
    {"MultilabelPrecision.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelPrecision.target", "Labels, as `preds`."},
    {"MultilabelPrecisionAtFixedRecall",
     "Finds for each label what BinaryPrecisionAtFixedRecall finds for one: [L] and [L]."},
    {"MultilabelPrecisionAtFixedRecall.preds", "Scores [N, L, ...]."},
    {"MultilabelPrecisionAtFixedRecall.target", "Labels, as `preds`."},
    {"MultilabelPrecisionRecallCurve", "Computes the precision-recall curve of each label."},
    {"MultilabelPrecisionRecallCurve.preds", "Scores [N, L, ...]."},
    {"MultilabelPrecisionRecallCurve.target", "Labels of the same shape."},
    {"MultilabelROC", "Computes the receiver operating characteristic of each label."},
    {"MultilabelROC.preds", "Scores [N, L, ...]."},
    {"MultilabelROC.target", "Labels of the same shape."},
    {"MultilabelRecall",
     "Computes the fraction of a label's positive targets that are found, tp / (tp + fn), averaged over labels "
     "(with average none: [L]); samplewise one per sample."},
    {"MultilabelRecall.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelRecall.target", "Labels, as `preds`."},
    {"MultilabelRecallAtFixedPrecision",
     "Finds for each label what BinaryRecallAtFixedPrecision finds for one: [L] and [L]."},
    {"MultilabelRecallAtFixedPrecision.preds", "Scores [N, L, ...]."},
    {"MultilabelRecallAtFixedPrecision.target", "Labels, as `preds`."},
    {"MultilabelSensitivityAtSpecificity",
     "Finds for each label what BinarySensitivityAtSpecificity finds for one: [L] and [L]."},
    {"MultilabelSensitivityAtSpecificity.preds", "Scores [N, L, ...]."},
    {"MultilabelSensitivityAtSpecificity.target", "Labels, as `preds`."},
    {"MultilabelSpecificity",
     "Computes the fraction of a label's negative targets that are answered so, tn / (tn + fp), averaged over "
     "labels (with average none: [L]); samplewise one per sample. 0 without any."},
    {"MultilabelSpecificity.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelSpecificity.target", "Labels, as `preds`."},
    {"MultilabelSpecificityAtSensitivity",
     "Finds for each label what BinarySpecificityAtSensitivity finds for one: [L] and [L]."},
    {"MultilabelSpecificityAtSensitivity.preds", "Scores [N, L, ...]."},
    {"MultilabelSpecificityAtSensitivity.target", "Labels, as `preds`."},
    {"MultilabelStatScores",
     "Counts tp, fp, tn, fn and the support of labels: [5], or [L, 5] with average none; samplewise one such "
     "per sample."},
    {"MultilabelStatScores.preds", "Scores or labels [N, L, ...]."},
    {"MultilabelStatScores.target", "Labels, as `preds`."},
    {"MultioutputWrapper", "Computes a metric for each output by itself: [num_outputs, …] of its values."},
    {"MultioutputWrapper.base_metric", "The metric of each output."},
    {"MultioutputWrapper.num_outputs", "How many outputs there are."},
    {"MultioutputWrapper.output_dim", "The dimension of the inputs along which they lie."},
    {"MultioutputWrapper.remove_nans",
     "Leave rows out in which an input of that output has a NaN; rows lie along the first dimension of what "
     "the metric gets."},
    {"MultioutputWrapper.squeeze_outputs", "Take `output_dim` out; else it stays with size 1."},
    {"MultitaskWrapper",
     "Metrics (or collections) of several tasks under the tasks' names, each with predictions and targets of "
     "its own."},
    {"MultitaskWrapper.postfix", "After each."},
    {"MultitaskWrapper.prefix", "Before each task's name."},
    {"MultitaskWrapper.task_metrics", "A metric, or a collection, by each task's name."},
    {"MultitaskWrapper.task_preds", "Predictions by task."},
    {"MultitaskWrapper.task_targets", "Targets by task."},
    {"NamedValues", "Values by name, in the order of a collection's members."},
    {"NormalizedRootMeanSquaredError",
     "Computes the root mean squared error as a fraction of something of the targets, √(Σ (predsᵢ - targetᵢ)² "
     "/ n) divided by their mean, their range, their standard deviation, or the root of the sum of their "
     "squares."},
    {"NormalizedRootMeanSquaredError.preds",
     "One shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"NormalizedRootMeanSquaredError.target",
     "One shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"NormalizedRootMeanSquaredErrorOptions.normalization", "What of the targets the error is divided by."},
    {"NormalizedRootMeanSquaredErrorOptions.num_outputs",
     "Columns of the inputs that have an error each; with 1 all elements have one together."},
    {"Operand", "What a composed metric is made of: a metric, a number or a tensor."},
    {"OperatingPoint.threshold", "The probability from which scores are a yes there."},
    {"OperatingPoint.value", "The rate that was to be as great as possible."},
    {"PairwiseIouOptions.aggregate",
     "Whether to give the mean over pairs of boxes with the same index; the value of each pair if not."},
    {"PairwiseIouOptions.iou_threshold", "Pairs below it have `replacement_val`; unset: none has."},
    {"PeakSignalNoiseRatio",
     "Computes the peak signal-to-noise ratio in decibels, 10 log(range² / mse) / log(base) with mse the mean "
     "of (predsᵢ - targetᵢ)²."},
    {"PeakSignalNoiseRatio.preds", "One shape, any, such as [N, C, H, W]; real dtypes, also two different ones."},
    {"PeakSignalNoiseRatio.target", "One shape, any, such as [N, C, H, W]; real dtypes, also two different ones."},
    {"PeakSignalNoiseRatioOptions.base", "Base of the logarithm."},
    {"PeakSignalNoiseRatioOptions.data_range", "The range of the data; with two ends inputs are clamped between them."},
    {"PeakSignalNoiseRatioOptions.dim",
     "Dimensions over which errors are summed, each remaining index having a value of its own; unset: over "
     "everything accumulated, for one value."},
    {"PeakSignalNoiseRatioOptions.reduction", "What becomes of the values where `dim` leaves several."},
    {"PearsonCorrCoef",
     "Computes the correlation of predictions and targets, cov(preds, target) / (σ(preds) σ(target)), from "
     "moments that survive any offset and any scale, of numbers up to 2^1022 in size."},
    {"PearsonCorrCoef.preds",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"PearsonCorrCoef.target",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also "
     "two different ones."},
    {"PearsonCorrCoefOptions.num_outputs", "Columns of the inputs, each with a coefficient of its own."},
    {"PrecisionRecallCurves.precision", "tp / (tp + fp)."},
    {"PrecisionRecallCurves.recall", "tp / (tp + fn)."},
    {"PrecisionRecallCurves.thresholds", "Rising, as probabilities."},
    {"PrecisionRecallPairs.precision", "tp / (tp + fp): [T + 1]."},
    {"PrecisionRecallPairs.recall", "tp / (tp + fn): [T + 1]."},
    {"PrecisionRecallPairs.thresholds", "Rising, as probabilities: [T]."},
    {"QueryAggregation", "The same by name, or by a function of the user's."},
    {"R2Score",
     "Computes the coefficient of determination, 1 - Σ (targetᵢ - predsᵢ)² / Σ (targetᵢ - mean(target))², in "
     "sums that survive any offset and scale."},
    {"R2Score.preds", "[N] or [N, M], the same M in all batches; real dtypes, also two different ones."},
    {"R2Score.target", "[N] or [N, M], the same M in all batches; real dtypes, also two different ones."},
    {"R2ScoreOptions.adjusted",
     "Number k of independent regressors to adjust for: 1 - (1 - R²) (n - 1) / (n - k - 1)."},
    {"R2ScoreOptions.multioutput", "What becomes of the scores of several outputs."},
    {"RelativeSquaredError",
     "Computes the squared errors as a fraction of the targets' deviation, Σ (targetᵢ - predsᵢ)² / max(Σ "
     "(targetᵢ - mean(target))², ε), or with `squared` off the root of that, averaged over the outputs; in "
     "sums that survive any offset. ε is torchmetrics', 1.19e-7, and 2.2e-16 for float64 results."},
    {"RelativeSquaredError.preds",
     "[N] or [N, 1] for one output, [N, num_outputs] for more; real dtypes, also two different ones."},
    {"RelativeSquaredError.target",
     "[N] or [N, 1] for one output, [N, num_outputs] for more; real dtypes, also two different ones."},
    {"RelativeSquaredErrorFunctionalOptions.squared", "Whether to give the relative squared error; its root if not."},
    {"RelativeSquaredErrorOptions.num_outputs", "Columns of the inputs, whose errors are averaged."},
    {"RelativeSquaredErrorOptions.squared", "Whether to give the relative squared error; its root if not."},
    {"RetrievalHitRate",
     "Computes the fraction of queries with a relevant document among the `top_k` of the highest scores: 1 or "
     "0 for each query, then their mean."},
    {"RetrievalHitRate.indexes", "Int64, the query that a document belongs to, any numbers."},
    {"RetrievalHitRate.preds", "Scores, floating."},
    {"RetrievalHitRate.target", "Relevance, 0 or 1 (bool, integer or floating, where all above 0 is relevant)."},
    {"RetrievalMRR",
     "Computes the mean reciprocal rank: 1 / r for each query, where its first relevant document has rank r "
     "among its documents from the highest score to the lowest, whatever their sign, 0 where none is among the "
     "first `top_k`; then their mean."},
    {"RetrievalMRR.indexes", "Int64, the query that a document belongs to, any numbers."},
    {"RetrievalMRR.preds", "Scores, floating."},
    {"RetrievalMRR.target", "Relevance, 0 or 1 (bool, integer or floating, where all above 0 is relevant)."},
    {"RetrievalOptions.aggregation",
     "By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`."},
    {"RetrievalOptions.empty_target_action", "What a query is worth that has no relevant document."},
    {"RetrievalOptions.ignore_index", "Documents whose target is this are left out."},
    {"RetrievalOptions.top_k", "Only so many documents of a query are looked at, those of the highest scores."},
    {"RetrievalQueryOptions.top_k", "Only so many documents are looked at, those of the highest scores."},
    {"RocCurve.fpr", "False positive rates, fp / (fp + tn): [T]."},
    {"RocCurve.thresholds", "Falling, as probabilities: [T]."},
    {"RocCurve.tpr", "True positive rates, tp / (tp + fn): [T]."},
    {"RocCurves.fpr", "False positive rates, fp / (fp + tn)."},
    {"RocCurves.thresholds", "Falling, as probabilities."},
    {"RocCurves.tpr", "True positive rates, tp / (tp + fn)."},
    {"Running", "Computes any metric over its last `window` updates; `forward` gives the value of the batch alone."},
    {"Running.base_metric", "The metric that is computed over the window."},
    {"Running.window", "How many updates it holds, positive."},
    {"RunningAggregator",
     "Running over an aggregator of `value`, a number or a tensor: what RunningMean and RunningSum share."},
    {"RunningAggregatorOptions.nan_strategy", "A strategy, or the number to put in place of NaN (with weight 1)."},
    {"RunningAggregatorOptions.window", "How many updates count; positive."},
    {"RunningMean", "Computes the weighted mean of the values of the last `window` updates."},
    {"RunningMean.value", "A number or a tensor of any shape and real dtype."},
    {"RunningMean.weight", "1 by default, else broadcast to `value`."},
    {"RunningSum", "Computes the sum of the values of the last `window` updates."},
    {"RunningSum.value", "A number or a tensor of any shape and real dtype."},
    {"SpearmanCorrCoef",
     "Computes the correlation of the ranks of predictions and targets; equal numbers have the mean of their "
     "ranks."},
    {"SpearmanCorrCoef.preds",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; floating dtypes, "
     "also two different ones."},
    {"SpearmanCorrCoef.target",
     "[N] or [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; floating dtypes, "
     "also two different ones."},
    {"SpearmanCorrCoefOptions.num_outputs", "Columns of the inputs, each with a coefficient of its own."},
    {"SumMetric", "Computes the sum of all values, in double-double."},
    {"SumMetric.value", "A number or a tensor of any shape and real dtype."},
    {"SymmetricMeanAbsolutePercentageError",
     "Computes the mean of the absolute errors as fractions of the mean size of both, Σ 2 |predsᵢ - targetᵢ| / "
     "max(|predsᵢ| + |targetᵢ|, 1.17e-6) / n, from 0 to 2."},
    {"SymmetricMeanAbsolutePercentageError.preds", "One shape, any; real dtypes, also two different ones."},
    {"SymmetricMeanAbsolutePercentageError.target", "One shape, any; real dtypes, also two different ones."},
    {"TweedieDevianceScore", "Computes the mean deviance of a Tweedie distribution."},
    {"TweedieDevianceScore.targets", "One shape, any; real dtypes, also two different ones."},
    {"TweedieDevianceScoreOptions.power",
     "The power of the mean that the variance goes with: 0 for normal targets, 1 for Poisson's, 2 for gamma's, "
     "3 for inverse Gaussian ones; any finite number that is not between 0 and 1."},
    {"WeightedMeanAbsolutePercentageError",
     "Computes the sum of the absolute errors as a fraction of that of the targets, Σ |predsᵢ - targetᵢ| / "
     "max(Σ |targetᵢ|, 1.17e-6)."},
    {"WeightedMeanAbsolutePercentageError.preds", "One shape, any; real dtypes, also two different ones."},
    {"WeightedMeanAbsolutePercentageError.target", "One shape, any; real dtypes, also two different ones."},
    {"WordErrorRate",
     "Computes the word error rate: the words that have to be inserted, deleted or replaced to make the "
     "targets of the predictions (Levenshtein distances, added over all pairs), for each word of the targets."},
    {"WordErrorRate.preds", "A text or a list of texts, the i-th of one with the i-th of the other."},
    {"WordErrorRate.target", "A text or a list of texts, the i-th of one with the i-th of the other."},
}};

}  // namespace

std::string_view description(std::string_view of) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), of,
                                      [](const Description& d, std::string_view wanted) { return d.of < wanted; });
  return found != sorted.end() && found->of == of ? found->text : std::string_view{};
}

std::string_view description(std::string_view of, std::string_view part) {
  return description(std::string(of).append(".").append(part));
}

}  // namespace metrics::detail
