#pragma once

// All metrics, what is made of them, and ranks. A program that cares for compile time includes the topics that it uses.
// Not in it are:
//   metrics/core/define.h                    for who writes a metric, and what its sources use:
//   metrics/core/autograd_scope.h
//   metrics/core/draws.h
//   metrics/core/readable.h
//   metrics/core/registry.h
//   metrics/core/sample_ids.h
//   metrics/distributed/counting_backend.h   for who sends collectives of their own:
//   metrics/distributed/notices.h
//   metrics/distributed/rank_names.h
//   metrics/distributed/environment.h        for who starts processes in a way of their own
//   metrics/training/*                       samplers, loader, DistributedDataParallel, Join, in metrics::training
//   metrics/trainer/*                        the reference trainer, in metrics::trainer

#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/classification/calibration_error.h>
#include <metrics/classification/cohen_kappa.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/eer.h>
#include <metrics/classification/exact_match.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/group_fairness.h>
#include <metrics/classification/hamming.h>
#include <metrics/classification/hinge.h>
#include <metrics/classification/jaccard.h>
#include <metrics/classification/logauc.h>
#include <metrics/classification/matthews_corrcoef.h>
#include <metrics/classification/negative_predictive_value.h>
#include <metrics/classification/precision_fixed_recall.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/precision_recall_curve.h>
#include <metrics/classification/ranking.h>
#include <metrics/classification/recall_fixed_precision.h>
#include <metrics/classification/roc.h>
#include <metrics/classification/sensitivity_specificity.h>
#include <metrics/classification/specificity.h>
#include <metrics/classification/specificity_sensitivity.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/clustering/adjusted_mutual_info_score.h>
#include <metrics/clustering/adjusted_rand_score.h>
#include <metrics/clustering/calinski_harabasz_score.h>
#include <metrics/clustering/cluster_accuracy.h>
#include <metrics/clustering/clustered_data.h>
#include <metrics/clustering/davies_bouldin_score.h>
#include <metrics/clustering/dunn_index.h>
#include <metrics/clustering/fowlkes_mallows_index.h>
#include <metrics/clustering/homogeneity_completeness_v_measure.h>
#include <metrics/clustering/label_pairs.h>
#include <metrics/clustering/mutual_info_score.h>
#include <metrics/clustering/normalized_mutual_info_score.h>
#include <metrics/clustering/rand_score.h>
#include <metrics/collections/bootstrapping.h>
#include <metrics/collections/classwise.h>
#include <metrics/collections/composite.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/handle.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/collections/multioutput.h>
#include <metrics/collections/multitask.h>
#include <metrics/collections/running.h>
#include <metrics/collections/tracker.h>
#include <metrics/collections/transformations.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/metric_of.h>
#include <metrics/core/update_together.h>
#include <metrics/core/warning.h>
#include <metrics/detection/iou.h>
#include <metrics/distributed/launch.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>
#include <metrics/image/fid.h>
#include <metrics/image/psnr.h>
#include <metrics/nominal/associations.h>
#include <metrics/nominal/cramers.h>
#include <metrics/nominal/fleiss_kappa.h>
#include <metrics/nominal/pearson.h>
#include <metrics/nominal/theils_u.h>
#include <metrics/nominal/tschuprows.h>
#include <metrics/regression/choices.h>
#include <metrics/regression/concordance.h>
#include <metrics/regression/cosine_similarity.h>
#include <metrics/regression/crps.h>
#include <metrics/regression/csi.h>
#include <metrics/regression/divergences.h>
#include <metrics/regression/explained_variance.h>
#include <metrics/regression/js_divergence.h>
#include <metrics/regression/kendall.h>
#include <metrics/regression/kl_divergence.h>
#include <metrics/regression/log_cosh.h>
#include <metrics/regression/log_mse.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/mean_over_pairs.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/moments_over_pairs.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/nrmse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>
#include <metrics/regression/rse.h>
#include <metrics/regression/spearman.h>
#include <metrics/regression/symmetric_mape.h>
#include <metrics/regression/tweedie_deviance.h>
#include <metrics/regression/wmape.h>
#include <metrics/retrieval/hit_rate.h>
#include <metrics/retrieval/reciprocal_rank.h>
#include <metrics/text/wer.h>
#include <metrics/version.h>

#include <ATen/core/Formatting.h>  // so that a value can be printed
