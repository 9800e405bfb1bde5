/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs networks exported by AdaBin for MindSpore, with their binary layers in one-bit arithmetic.
 *
 * A model is a network, read and laid out for this processor; nothing changes it, so any number of
 * threads may use one. A session is what one user of it needs: memory and threads. A session is
 * run by one thread at a time, several sessions of one model at the same time; the number of
 * threads and sessions changes no bit of a result.
 *
 * Every function that can fail returns NULL, or a status that says why and has to be released.
 * What a function creates is released by the function of that name, in any order, NULL included:
 * a model that is released lives on in its sessions. The functions print nothing, end nothing,
 * throw nothing and keep no state apart from these objects. Getters answer NULL or 0 where their
 * argument is NULL or their index too large; a text or an array that they return lives as long as
 * the object. Strings are UTF-8.
 *
 * A child of fork may use the models and sessions of its parent: it has copies of its own, and
 * starts threads of its own when it first runs one. A session that is run while another thread
 * forks is as good as new in the child.
 */
#ifndef ADABIN_H_
#define ADABIN_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ADABIN_API __attribute__((visibility("default")))
#else
#define ADABIN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header; adabin_version() is the library's. Before 1.0 minor versions may differ in what
 * they offer, and have sonames of their own. */
#define ADABIN_VERSION "0.1.0"
ADABIN_API const char* adabin_version(void);

/* ---- Status ---- */

typedef enum adabin_code {
  ADABIN_OK = 0,
  ADABIN_INVALID_ARGUMENT = 1, /* a NULL, a number or a size that the call cannot take */
  ADABIN_FILE = 2,             /* a file cannot be read */
  ADABIN_MODEL = 3,            /* its content is damaged, or holds what the engine does not run */
  ADABIN_RESOURCE = 4,         /* the system does not give as many threads, or a limit is reached */
  ADABIN_OUT_OF_MEMORY = 5,
  ADABIN_BUSY = 6,    /* another thread is running the session */
  ADABIN_INTERNAL = 7 /* a defect of this library */
} adabin_code;

typedef struct adabin_status adabin_status;
ADABIN_API adabin_code adabin_status_code(const adabin_status* status); /* of NULL: ADABIN_OK */
/* One line that says what is wrong and what to do; "" of NULL. */
ADABIN_API const char* adabin_status_message(const adabin_status* status);
ADABIN_API void adabin_status_release(adabin_status* status);

/* ---- Model ---- */

/* How a model is laid out. Every setter checks what it is given and copies it. */
typedef struct adabin_model_options adabin_model_options;
ADABIN_API adabin_status* adabin_model_options_create(adabin_model_options** options);
ADABIN_API void adabin_model_options_release(adabin_model_options* options);
/* "auto" (the best for this processor, what is taken without this call), a name of
 * adabin_kernel_name(), or "float": binary layers as the float convolutions that they stand for. */
ADABIN_API adabin_status* adabin_model_options_set_kernel(adabin_model_options* options,
                                                          const char* kernel);
/* A name of adabin_device_name(), "CPU" without this call, and which of these: 0 so far. */
ADABIN_API adabin_status* adabin_model_options_set_device(adabin_model_options* options,
                                                          const char* type, int id);

/* Reads a packed file (.adabin) or a MindIR, told apart by content. `options` may be NULL. */
typedef struct adabin_model adabin_model;
ADABIN_API adabin_status* adabin_model_load(const char* path, const adabin_model_options* options,
                                            adabin_model** model);
/* The same of the content of such a file, which is not looked at after the call. */
ADABIN_API adabin_status* adabin_model_load_bytes(const void* bytes, size_t size,
                                                  const adabin_model_options* options,
                                                  adabin_model** model);
ADABIN_API void adabin_model_release(adabin_model* model);

typedef enum adabin_type { ADABIN_NO_TYPE = 0, ADABIN_FLOAT32 = 1, ADABIN_UINT8 = 2 } adabin_type;

/* Inputs and outputs of the network, in the order of the exported one's arguments and results. An
 * input has the name of its argument, else it is "input_0", "input_1"...; outputs, which have none
 * there, are "output_0", "output_1"... Dimensions: the function returns how many there are and lets
 * *dims point to them; the first is the number of samples, -1 as any is possible. Maps are (N, C,
 * H, W), vectors (N, C). */
ADABIN_API size_t adabin_model_input_count(const adabin_model* model);
ADABIN_API const char* adabin_model_input_name(const adabin_model* model, size_t index);
ADABIN_API adabin_type adabin_model_input_type(const adabin_model* model, size_t index);
ADABIN_API size_t adabin_model_input_dims(const adabin_model* model, size_t index,
                                          const int64_t** dims);
ADABIN_API size_t adabin_model_output_count(const adabin_model* model);
ADABIN_API const char* adabin_model_output_name(const adabin_model* model, size_t index);
ADABIN_API adabin_type adabin_model_output_type(const adabin_model* model, size_t index);
ADABIN_API size_t adabin_model_output_dims(const adabin_model* model, size_t index,
                                           const int64_t** dims);

/* What the network's description says, which export.py writes beside it: of net.mindir it is
 * net.yaml, and a packed file holds its own, in memory too; net.yaml beside net.adabin is read
 * where it holds none. Keys are the description's: "network", "dataset", "image_size",
 * "class_names", "mean", "std"... A list is one line per element; what holds mappings is the lines
 * of the text. adabin_model_description is the whole text, YAML, NULL where there is none. */
ADABIN_API const char* adabin_model_description(const adabin_model* model);
ADABIN_API size_t adabin_model_metadata_count(const adabin_model* model);
ADABIN_API const char* adabin_model_metadata_key(const adabin_model* model, size_t index);
ADABIN_API const char* adabin_model_metadata_value(const adabin_model* model, size_t index);
ADABIN_API const char* adabin_model_metadata(const adabin_model* model, const char* key);

/* What runs: the kernel that was chosen, the binary layers of the network and those of them that
 * run in one-bit arithmetic, and the passes over memory, each in words. */
ADABIN_API const char* adabin_model_kernel(const adabin_model* model);
ADABIN_API int adabin_model_binary_layers(const adabin_model* model);
ADABIN_API int adabin_model_packed_layers(const adabin_model* model);
ADABIN_API size_t adabin_model_step_count(const adabin_model* model);
ADABIN_API const char* adabin_model_step(const adabin_model* model, size_t index);

/* ---- Session ---- */

typedef struct adabin_session_options adabin_session_options;
ADABIN_API adabin_status* adabin_session_options_create(adabin_session_options** options);
ADABIN_API void adabin_session_options_release(adabin_session_options* options);
/* 1 to 256; 0, as without this call: the processors that this process may use, by its affinity and
 * its container's quota. The thread that runs the session is one of them. */
ADABIN_API adabin_status* adabin_session_options_set_threads(adabin_session_options* options,
                                                             int threads);
/* Whether to measure every step; samples then run one after the other. */
ADABIN_API adabin_status* adabin_session_options_set_profile(adabin_session_options* options,
                                                             int profile);
/* What inputs are: ADABIN_FLOAT32, NCHW and normalized, as without this call; or ADABIN_UINT8,
 * NHWC, red first and already as large as the input, which the session normalizes:
 * (v / 255 - mean) / std, and which only a network of one input takes. How pictures of another size
 * become as large: "resize_shorter_side" of the metadata, and docs/pictures.md. */
ADABIN_API adabin_status* adabin_session_options_set_input_type(adabin_session_options* options,
                                                                adabin_type type);
/* Of `channels` channels each, for pixels in 0..1. Without this call: "mean" and "std" of the
 * model's metadata. */
ADABIN_API adabin_status* adabin_session_options_set_normalization(adabin_session_options* options,
                                                                   const float* mean,
                                                                   const float* std,
                                                                   size_t channels);
/* The bytes that a session may allocate. 0, as without this call: 1 GiB for a sample's maps and one
 * thread, 4 GiB for all threads, whatever a file asks for. Where memory is short, threads share
 * every sample; where one sample does not fit, adabin_session_create says so. */
ADABIN_API adabin_status* adabin_session_options_set_memory_limit(adabin_session_options* options,
                                                                  size_t bytes);

/* What a session with these options (NULL: none) will have allocated after runs of up to `samples`
 * samples, stacks of threads aside. It allocates what a run needs when the first such run comes. */
ADABIN_API adabin_status* adabin_model_session_bytes(const adabin_model* model,
                                                     const adabin_session_options* options,
                                                     size_t samples, size_t* bytes);

typedef struct adabin_session adabin_session;
ADABIN_API adabin_status* adabin_session_create(const adabin_model* model,
                                                const adabin_session_options* options,
                                                adabin_session** session);
ADABIN_API void adabin_session_release(adabin_session* session);
/* Of those allowed, how many run it: on the device "Reference" one. */
ADABIN_API int adabin_session_threads(const adabin_session* session);

/* Bytes of one sample of an input or output. */
ADABIN_API size_t adabin_session_input_bytes(const adabin_session* session, size_t index);
ADABIN_API size_t adabin_session_output_bytes(const adabin_session* session, size_t index);

/* The caller's memory: `bytes` has to be the samples' size to the byte. Floats lie at multiples of
 * four bytes. */
typedef struct adabin_input {
  const void* data;
  size_t bytes;
} adabin_input;
typedef struct adabin_output {
  void* data;
  size_t bytes;
} adabin_output;

/* Runs `samples` samples, 1 or more. There is one entry for each input and output of the network,
 * in its order; outputs may overlap neither inputs nor each other. */
ADABIN_API adabin_status* adabin_session_run(adabin_session* session, size_t samples,
                                             const adabin_input* inputs, size_t input_count,
                                             const adabin_output* outputs, size_t output_count);

/* With profile, after a run: how long step `index` of the model took, the median over the last
 * samples (at most 10,000); else 0, as while another thread runs the session. */
ADABIN_API double adabin_session_step_milliseconds(const adabin_session* session, size_t index);

/* ---- Detection ---- */

/* Makes boxes of what a detector gives. It is made from a model with the outputs (N, boxes, 4) and
 * (N, boxes, 1 + classes) and with the description that export.py writes beside a detector, whose
 * min_score, nms_iou, max_detections, and under outputs variances and maps, say how. It needs the
 * model no longer then; nothing changes it, so any number of threads may use one. */
typedef struct adabin_detector adabin_detector;
ADABIN_API adabin_status* adabin_detector_create(const adabin_model* model,
                                                 adabin_detector** detector);
ADABIN_API void adabin_detector_release(adabin_detector* detector);
/* Classes, and their names: "class_names" of the metadata, else "class 0", "class 1"... */
ADABIN_API size_t adabin_detector_class_count(const adabin_detector* detector);
ADABIN_API const char* adabin_detector_class_name(const adabin_detector* detector, size_t label);
/* No picture gives more: max_detections. */
ADABIN_API size_t adabin_detector_max_boxes(const adabin_detector* detector);

/* Corners in pixels of the picture, not rounded, within it: from the left edge of the box's first
 * pixel to the right edge of its last. Labels count from 0, the background is none of them. */
typedef struct adabin_box {
  double x1;
  double y1;
  double x2;
  double y2;
  int label;
  float score; /* above min_score, 1 at most */
} adabin_box;

/* The boxes of one sample, best first: the *count best are written, `capacity` at most. `outputs`
 * are the network's, in its order, `bytes` as adabin_session_output_bytes says; height and width
 * are those of the picture before it was made as large as the network's input. Values that are not
 * finite are ADABIN_INVALID_ARGUMENT. */
ADABIN_API adabin_status* adabin_detector_find(const adabin_detector* detector,
                                               const adabin_input* outputs, size_t output_count,
                                               int height, int width, adabin_box* boxes,
                                               size_t capacity, size_t* count);

/* ---- Packing ---- */

/* The packed file of a network, in memory: `path` is a MindIR, or a packed file. It holds the
 * network's description, if there is one (adabin_model_description). */
typedef struct adabin_packed adabin_packed;
ADABIN_API adabin_status* adabin_packed_create(const char* path, adabin_packed** packed);
ADABIN_API void adabin_packed_release(adabin_packed* packed);
ADABIN_API const void* adabin_packed_data(const adabin_packed* packed);
ADABIN_API size_t adabin_packed_size(const adabin_packed* packed);
ADABIN_API int adabin_packed_binary_layers(const adabin_packed* packed);
ADABIN_API size_t adabin_packed_step_count(const adabin_packed* packed);
ADABIN_API int adabin_packed_described(const adabin_packed* packed);

/* ---- This machine ---- */

/* Kernels for the binary layers, best first, and whether this processor can run each. */
ADABIN_API size_t adabin_kernel_count(void);
ADABIN_API const char* adabin_kernel_name(size_t index);
ADABIN_API const char* adabin_kernel_description(size_t index);
ADABIN_API int adabin_kernel_supported(size_t index);

/* Kinds of devices that run networks, and whether this library can use each; the description of one
 * that it cannot says what to do instead. */
ADABIN_API size_t adabin_device_count(void);
ADABIN_API const char* adabin_device_name(size_t index);
ADABIN_API const char* adabin_device_description(size_t index);
ADABIN_API int adabin_device_supported(size_t index);

/* The number of threads by the project's rule, for programs that follow it: the environment
 * variable ADABIN_CPU_THREADS, else OMP_NUM_THREADS, else the processors that this process may
 * use. Nothing else reads the environment. */
ADABIN_API adabin_status* adabin_default_threads(int* threads);

#ifdef __cplusplus
}
#endif

#endif /* ADABIN_H_ */
