export {
  type Activation,
  type ActivationContext,
  type ActivationFacts,
  type ActivationFunction,
  type ActivationLike,
  type ActivationName,
  activations,
} from './activations.js';
export { type Constraint, type ConstraintFunction, type ConstraintLike, constraints } from './constraints.js';
export type { DType, FloatDType, TypedArray } from './core/dtype.js';
export {
  AbortError,
  ArgumentError,
  DataError,
  EngineError,
  type ErrorDetails,
  EvenkeelError,
  type EvenkeelErrorOptions,
  FileError,
  GradientError,
  NonFiniteError,
  ShapeError,
} from './core/errors.js';
export { type ArrayLike, NdArray, type Nested, ndarray } from './core/ndarray.js';
export { Random } from './core/random.js';
export type { Dim, Shape, StaticShape } from './core/shape.js';
export { readCsv, type TableDataset } from './data/csv.js';
export type { Dataset } from './data/dataset.js';
export { type DatasetName, datasets, type TrainTest } from './data/datasets.js';
export type { Decimals } from './data/decimals.js';
export { readIdx } from './data/idx.js';
export { readNpy, readNpz, writeNpy } from './data/npy.js';
export { parquetTable } from './data/parquet.js';
export type { DatasetOptions } from './data/remote.js';
export { type PadOptions, padSequences } from './data/sequences.js';
export { classWeights, type Parts, type SplitOptions, splitDataset } from './data/splits.js';
export { synthetic } from './data/synthetic.js';
export type { Table, TableOptions } from './data/table.js';
export type { Column, ColumnKind, NumberColumn, TextColumn } from './data/table-columns.js';
export { type TableFitOptions, type TableLike, TableReader, type TableReadOptions, type TableSchema } from './data/table-reader.js';
export type { Task } from './data/table-target.js';
export type { Baseline, DiagnoseOptions } from './doctor/diagnose.js';
export { Examination, type WatchedKernel, type WatchedUse } from './doctor/examination.js';
export type { Expectation, Finding, Quantity, RemedyHint, Severity } from './doctor/finding.js';
export type { Estimate, Forecast, ForecastOptions, LayerForecast, PhaseRun, Suits } from './doctor/forecast.js';
export { doctor } from './doctor/index.js';
export type { TreatOptions } from './doctor/treat.js';
export type { Grade } from './doctor/treatment/grade.js';
export type { Alterable } from './doctor/treatment/method.js';
export type { AppliedRemedy, Evidence, Outcome, Treatment, Trial } from './doctor/treatment/treatment.js';
export type { WatchOptions } from './doctor/watch.js';
export { gradients } from './graph/gradients.js';
export { constant, input as tensorInput, Tensor } from './graph/node.js';
export * as ops from './graph/ops/index.js';
export {
  type Initializer,
  type InitializerFunction,
  type InitializerLike,
  type InitializerName,
  initializers,
  type Nonlinearity,
  type Warn,
} from './initializers.js';
export {
  type ActivityRegularizationOptions,
  type BatchNormalizationOptions,
  type BidirectionalOptions,
  type CategoryEncodingOptions,
  type ConcatenateOptions,
  type ConvOptions,
  type ConvTransposeOptions,
  type CroppingOptions,
  type DenseOptions,
  type DepthwiseConvOptions,
  type DiscretizationOptions,
  type DotOptions,
  type EmbeddingOptions,
  type GlobalPoolingOptions,
  type GroupNormalizationOptions,
  type GruOptions,
  type InputOptions,
  type LayerFunction,
  type LayerNormalizationOptions,
  type LstmOptions,
  layers,
  type MaskingOptions,
  type MergeMode,
  type MultiHeadAttentionOptions,
  type NamedActivationOptions,
  type NormalizationOptions,
  type PoolingOptions,
  type Recurrent,
  type RecurrentOptions,
  type RepeatBlock,
  type RepeatOptions,
  type RescalingOptions,
  type RmsNormalizationOptions,
  type SeparableConvOptions,
  type UnitNormalizationOptions,
  type UpSamplingOptions,
  type ZeroPaddingOptions,
} from './layers/index.js';
export { type TransformerOptions, transformerBlock } from './layers/transformer.js';
export { type Loss, type LossFunction, type LossLike, type LossName, losses } from './losses.js';
export { type MeanMetric, type Metric, type MetricFunction, type MetricLike, type MetricName, metrics, type SumMetric } from './metrics.js';
export type { BatchLike, BatchOptions, BatchStream, EvaluateOptions, FitOptions, PredictOptions } from './model/arguments.js';
export type { CompileOptions } from './model/compiled.js';
export { type ModelConfig, toConfig } from './model/config.js';
export { type ModelWiring, model, sequential } from './model/construct.js';
export type { Curvature, CurvatureOptions } from './model/curvature.js';
export type { Arrays } from './model/inputs.js';
export { Model, type ModelOptions } from './model/model.js';
export { type ConfigOptions, fromConfig, type LoadOptions, load } from './model/persistence.js';
export { type SaveOptions, saveModel } from './model/saving.js';
export { SharedPrograms } from './model/shared-programs.js';
export type { BatchGradients, ExamineOptions } from './model/single-batch.js';
export type { ClassWeight } from './model/weights.js';
export { Layer, type LayerContext, type LayerOptions, Signal, type WeightSpec } from './network/layer.js';
export { type Clip, type Optimizer, type OptimizerLike, type OptimizerName, optimizers, type Update, type UpdateContext } from './optimizers.js';
export { type Regularizer, type RegularizerFunction, type RegularizerLike, regularizers } from './regularizers.js';
export { type ReportSource, reportHtml } from './report/html.js';
export { codeOf, type Framework, patchOf } from './report/patch.js';
export { treatmentHtml } from './report/treatment-html.js';
export { type Backend, createEngine, type Engine, type EngineOptions } from './runtime/index.js';
export { type LearningRate, type Schedule, type ScheduleFunction, type ScheduleLike, type ScheduleName, schedules } from './schedules.js';
export { type CheckpointOptions, checkpoint } from './training/callbacks/checkpoint.js';
export { type CsvLoggerOptions, csvLogger } from './training/callbacks/csv-logger.js';
export { type EarlyStoppingOptions, earlyStopping } from './training/callbacks/early-stopping.js';
export { callbacks } from './training/callbacks/index.js';
export { type JsonlLoggerOptions, jsonlLogger } from './training/callbacks/jsonl-logger.js';
export { lambdaCallback } from './training/callbacks/lambda-callback.js';
export { learningRateScheduler } from './training/callbacks/learning-rate-scheduler.js';
export { type ReduceLROnPlateauOptions, reduceLROnPlateau } from './training/callbacks/reduce-lr-on-plateau.js';
export { type TensorBoardOptions, tensorBoard } from './training/callbacks/tensor-board.js';
export { type TerminateOnNaNOptions, terminateOnNaN } from './training/callbacks/terminate-on-nan.js';
export { type TraceFileOptions, traceFile } from './training/callbacks/trace-file.js';
export type { Callback, KeptWeights, Logs, TrainingControl } from './training/callbacks.js';
export type { History } from './training/history.js';
export type { NonFinitePlace } from './training/replay.js';
/** What the report draws, as escaped HTML and SVG: functions from an `Examination`, findings or plain numbers to markup, which `String()` gives as text. */
export * as views from './views/index.js';
export type {
  InputFacts,
  LayerFacts,
  NeighbourFacts,
  NetworkFacts,
  Role,
  TargetFacts,
  TargetSpread,
  TrainingFacts,
  WeightFacts,
} from './vitals/facts.js';
export type {
  ArrayVitals,
  EndRecord,
  EpochRecord,
  FailureRecord,
  Measured,
  PassRecord,
  SignalVitals,
  StepRecord,
  Trace,
  TraceHeader,
  TraceRecord,
  UnitStates,
  VitalsLevel,
} from './vitals/trace.js';
export { parseTrace } from './vitals/trace-file.js';
