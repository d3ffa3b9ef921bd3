"""Train, measure and export the forecasting model; knows nothing of the web."""
