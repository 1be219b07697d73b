//! HTTP: WHEP routes, the viewer page, metrics and the API. The only folder that names axum.
